"""How address text becomes tokens: the same for what is indexed and for what is typed, so that they meet."""

import re
import unicodedata

LONGEST_QUERY = 200
"""Characters of a query that are read; no address needs more, and the rest is ignored."""
MOST_TOKENS = 16
"""Tokens of a query that are looked up."""

_TOKEN = re.compile(r"[A-Z0-9]+", re.ASCII)
_APOSTROPHES = str.maketrans("", "", "'\u2019\u02bc`")

ABBREVIATIONS = {
    "APT": "FLAT",
    "AV": "AVENUE",
    "AVE": "AVENUE",
    "CL": "CLOSE",
    "CRES": "CRESCENT",
    "CT": "COURT",
    "GDNS": "GARDENS",
    "GRND": "GROUND",
    "GRV": "GROVE",
    "HSE": "HOUSE",
    "LN": "LANE",
    "PL": "PLACE",
    "RD": "ROAD",
    "SQ": "SQUARE",
    "ST": "STREET",
    "TCE": "TERRACE",
    "TERR": "TERRACE",
}


def tokens(text: str) -> list[str]:
    """Capital letters and digits, in order: accents and apostrophes dropped, everything else a separator."""
    if not text.isascii():
        text = "".join(character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character))
    return _TOKEN.findall(text.translate(_APOSTROPHES).upper())


def query_tokens(text: str) -> list[str]:
    """The tokens of something typed: bounded, so that its cost does not depend on its length."""
    return tokens(text[:LONGEST_QUERY])[:MOST_TOKENS]
