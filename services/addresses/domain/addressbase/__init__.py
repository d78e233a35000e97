"""AddressBase's records, the editions that supply them, and the file formats that are read and written."""
