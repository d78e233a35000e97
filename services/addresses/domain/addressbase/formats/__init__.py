"""The file formats that addresses and postcodes come in: `detect` says which, a module of each reads it, `assemble` puts together
what was read of a UPRN, and writers make such files of records. All of it is pure: rows in, rows out."""
