"""AddressBase's records: what they say, where they come from, and the formats that they are read from and written in."""
