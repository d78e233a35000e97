"""The HTTP surface of data sharing."""
