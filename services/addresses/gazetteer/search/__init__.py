"""Search and match in one release."""
