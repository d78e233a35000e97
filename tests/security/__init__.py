"""What a hostile client sends, and what it gets."""
