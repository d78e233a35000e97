"""Tests with hostile clients."""
