"""Searches one release by text and matches written addresses with its records."""
