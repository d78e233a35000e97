"""Parses queries to tokens, compares them with addresses, and estimates the probability of a match."""
