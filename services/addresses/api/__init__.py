"""HTTP APIs: our own (`/v1/addresses`), OS Places (`/search/places/v1`) and postcodes.io (`/postcodes`, `/outcodes`)."""
