"""Benchmarks, a file for each claim; each prints a ratio against a reference in the same run."""
