"""OS Places' surface, `/search/places/v1`."""
