"""The file formats that addresses and postcodes come in: `recognising` tells which, a module of each reads it, `assembling` puts together
what was read of a UPRN, and writers make such files of records. All of it is pure: rows in, rows out."""
