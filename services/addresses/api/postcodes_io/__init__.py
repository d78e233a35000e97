"""The postcodes.io API."""
