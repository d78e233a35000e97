"""Boroughs, postcodes, coordinates and polygons."""
