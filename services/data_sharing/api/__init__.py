"""The HTTP API of data sharing."""
