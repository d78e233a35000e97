"""Import supplies of addresses and postcodes into a release."""
