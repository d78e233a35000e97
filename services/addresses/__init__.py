"""Addresses: every London postcode, premises on them, and one call that finds an address while it is typed."""
