"""postcodes.io's surface."""
