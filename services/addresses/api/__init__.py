"""HTTP surfaces: our own `/v1/addresses` and postcodes.io's `/postcodes`."""
