"""How address text becomes tokens: the same for what is indexed and for what is typed, so that they meet.

A token is a word in full (`ROAD` for RD), a number without leading zeros, or the letter that followed a number: `179A` is `179`, `A`, as
`Flat A, 179` holds them too; `6-20` is `6`, `20`.
"""

import re
import unicodedata
from functools import lru_cache

LONGEST_QUERY = 300
"""Characters of a query that are read; no address needs more, and the rest is ignored."""
MOST_TOKENS = 24
"""Tokens of a query that are looked up."""

_TOKEN = re.compile(r"[A-Z0-9]+", re.ASCII)
_NUMBER_AND_LETTERS = re.compile(r"([0-9]+)([A-Z]{1,2})", re.ASCII)
_JOINED = re.compile(r"([A-Z]{3,})([0-9]+[A-Z]?)|([0-9]+)([A-Z]{3,})", re.ASCII)
_LETTER_AND_NUMBER = re.compile(r"([A-Z])([0-9]{1,4})", re.ASCII)
_DROPPED = str.maketrans({"'": None, "\u2019": None, "\u02bc": None, "`": None, "&": " AND "})
_SIGNS = re.compile(f"[{''.join(map(chr, _DROPPED))}]")

ABBREVIATIONS = {
    "1ST": "FIRST", "2ND": "SECOND", "3RD": "THIRD", "4TH": "FOURTH", "5TH": "FIFTH", "6TH": "SIXTH", "7TH": "SEVENTH", "8TH": "EIGHTH",
    "9TH": "NINTH", "10TH": "TENTH", "ALY": "ALLEY", "APARTMENT": "FLAT", "APPT": "FLAT", "APT": "FLAT", "APTS": "APARTMENTS",
    "AV": "AVENUE", "AVE": "AVENUE", "BASMENT": "BASEMENT", "BLDG": "BUILDING", "BLDGS": "BUILDINGS", "BLD": "BUILDING", "BLK": "BLOCK",
    "BSMT": "BASEMENT", "CIR": "CIRCUS", "CL": "CLOSE", "CLO": "CLOSE", "COTT": "COTTAGE", "COTTS": "COTTAGES", "CRES": "CRESCENT",
    "CRESC": "CRESCENT", "CRT": "COURT", "CT": "COURT", "CTR": "CENTRE", "CTS": "COURTS", "DR": "DRIVE", "DRV": "DRIVE",
    "ESPL": "ESPLANADE", "EST": "ESTATE", "FF": "FIRST FLOOR", "FFF": "FIRST FLOOR FLAT", "FLATS": "FLATS", "FLR": "FLOOR", "FLT": "FLAT",
    "GDN": "GARDEN", "GDNS": "GARDENS", "GF": "GROUND FLOOR", "GFF": "GROUND FLOOR FLAT", "GND": "GROUND", "GR": "GROUND",
    "GRD": "GROUND", "GRDN": "GARDEN", "GRDNS": "GARDENS", "GRND": "GROUND", "GRN": "GREEN", "GRV": "GROVE", "GV": "GROVE", "HO": "HOUSE",
    "HSE": "HOUSE", "HTS": "HEIGHTS", "IND": "INDUSTRIAL", "LDG": "LODGE", "LGF": "LOWER GROUND FLOOR", "LGFF": "LOWER GROUND FLOOR FLAT",
    "LN": "LANE", "LWR": "LOWER", "MANS": "MANSIONS", "MKT": "MARKET", "MNS": "MANSIONS", "MS": "MEWS", "MT": "MOUNT", "NTH": "NORTH",
    "PDE": "PARADE", "PK": "PARK", "PL": "PLACE", "PLC": "PLACE", "PSGE": "PASSAGE", "RD": "ROAD", "RDS": "ROADS", "RM": "ROOM",
    "SAINT": "STREET", "SFF": "SECOND FLOOR FLAT", "SQ": "SQUARE", "ST": "STREET", "STH": "SOUTH", "STR": "STREET", "STU": "STUDIO",
    "TCE": "TERRACE", "TER": "TERRACE", "TERR": "TERRACE", "TFF": "TOP FLOOR FLAT", "TWR": "TOWER", "UPR": "UPPER", "VLS": "VILLAS",
    "VW": "VIEW", "WHF": "WHARF", "WK": "WALK", "WLK": "WALK", "WY": "WAY", "YD": "YARD",
}  # fmt: skip
"""Read in full. `ST` is SAINT as well as STREET: one token stands for both, on both sides."""
NUMBERS_OF_FLATS = "F"
"""`F12` is FLAT 12."""


def raw_tokens(text: str) -> list[str]:
    """Runs of capital letters and digits, in order: accents and apostrophes dropped, everything else a separator."""
    if not text.isascii():
        text = "".join(character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character))
    if _SIGNS.search(text):
        text = text.translate(_DROPPED)
    return _TOKEN.findall(text.upper())


@lru_cache(50_000)
def normal(raw: str) -> tuple[str, ...]:
    """The tokens that a run of letters and digits stands for."""
    if raw.isdigit():
        return (raw.lstrip("0") or "0",)
    if full := ABBREVIATIONS.get(raw):
        return tuple(full.split())
    if raw.isalpha():
        return (raw,)
    if found := _LETTER_AND_NUMBER.fullmatch(raw):
        return ("FLAT" if found[1] == NUMBERS_OF_FLATS else found[1], *normal(found[2]))
    if found := _NUMBER_AND_LETTERS.fullmatch(raw) or _JOINED.fullmatch(raw):
        return tuple(token for part in found.groups() if part for token in normal(part))
    return (raw,)


def tokens(text: str) -> list[str]:
    """The tokens of a text."""
    return [token for raw in raw_tokens(text) for token in normal(raw)]
