"""Citizen-facing apps composed from the blocks."""
