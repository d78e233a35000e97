"""File formats of addresses and postcodes, as pure functions and readers of rows.

`detect` finds the format, one module per format reads it, `assemble` makes records of the rows, and the `write_` modules make rows of
records.
"""
