"""The reference of a move that a person reads out: `MOV-7K4-2QX`. It opens nothing; a move's page needs a sign-in."""

import secrets

ALPHABET = "234679CDFGHJKMPQRTVWXY"
"""Digits and capitals that nobody mistakes for another, heard or read (no 0 and O, 1, I and L, 5 and S, 8 and B, M and N, U and V), and
without the vowels that make words."""
PREFIX = "MOV"


def new_reference() -> str:
    """Return a random reference, one of some hundred million."""
    first, second = ("".join(secrets.choice(ALPHABET) for _ in range(3)) for _ in range(2))
    return f"{PREFIX}-{first}-{second}"
