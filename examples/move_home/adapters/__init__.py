"""The blocks as this app uses them, over their public APIs."""
