"""Tests of the data-sharing block."""
