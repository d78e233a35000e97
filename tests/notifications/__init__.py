"""Tests of the notifications block."""
