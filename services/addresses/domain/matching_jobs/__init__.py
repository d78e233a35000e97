"""The rows of match jobs."""
