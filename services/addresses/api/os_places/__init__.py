"""The OS Places API, `/search/places/v1`."""
