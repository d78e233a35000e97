"""The files of a release: columns, records, postcodes, lines and lists, mapped into memory."""
