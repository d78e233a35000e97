"""Changes between releases, and the quality checks before a release goes live."""
