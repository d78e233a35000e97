"""The rules of identity: pure functions and frozen values, no I/O and no framework."""
