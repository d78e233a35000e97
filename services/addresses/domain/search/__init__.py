"""Queries, tokens, and how well an address answers a query."""
