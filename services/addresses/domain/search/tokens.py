"""Splits address text into tokens, in the same way for the index and for queries.

A token is a full word (`ROAD` for RD), a number without leading zeros, or a letter after a number. `179A` becomes `179`, `A`, the tokens
of `Flat A, 179`; `6-20` becomes `6`, `20`. The abbreviations come from street signs, councils, and the lists of the Valuation Office
Agency (`BST FT`, `F/F`, `PT LHS`, `R/O`).
"""

import re
import unicodedata
from functools import lru_cache
from itertools import product

LONGEST_QUERY = 300
"""Limit of a query's characters; no address needs more, and the search ignores the rest."""
MOST_TOKENS = 24
"""Limit of a query's runs of letters and digits."""

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
    "ADJ": "ADJACENT", "ADJOINS": "ADJOINING", "ANNEX": "ANNEXE", "BASMT": "BASEMENT", "BF": "BASEMENT FLAT", "BFF": "BASEMENT FLAT",
    "BMT": "BASEMENT", "BST": "BASEMENT", "FLOORS": "FLOOR", "FLRS": "FLOOR", "FRT": "FRONT", "FT": "FLAT", "GGE": "GARAGE",
    "GRGE": "GARAGE", "LHF": "LEFT FLAT", "LHS": "LEFT", "MAIS": "MAISONETTE", "MAISON": "MAISONETTE", "MAISONNETTE": "MAISONETTE",
    "MEZZ": "MEZZANINE", "MSNT": "MAISONETTE", "NXT": "NEXT", "OPP": "OPPOSITE", "PART": "POINT", "PT": "POINT", "RHF": "RIGHT FLAT",
    "RHS": "RIGHT", "STE": "SUITE", "UGF": "UPPER GROUND FLOOR", "UGFF": "UPPER GROUND FLOOR FLAT", "UNT": "UNIT",
    "1FF": "FIRST FLOOR FLAT", "2FF": "SECOND FLOOR FLAT", "3FF": "THIRD FLOOR FLAT", "4FF": "FOURTH FLOOR FLAT",
    "1/F": "FIRST FLOOR", "2/F": "SECOND FLOOR", "3/F": "THIRD FLOOR", "4/F": "FOURTH FLOOR", "B/F": "BASEMENT FLAT", "F/F": "FIRST FLOOR",
    "F/F/F": "FIRST FLOOR FLAT", "F/FLAT": "FIRST FLOOR FLAT", "F/FLR": "FIRST FLOOR", "G/F": "GROUND FLOOR", "G/F/F": "GROUND FLOOR FLAT",
    "G/FLAT": "GROUND FLOOR FLAT", "G/FLR": "GROUND FLOOR", "L/G": "LOWER GROUND", "L/G/F": "LOWER GROUND FLOOR", "L/H": "LEFT",
    "L/H/S": "LEFT", "O/S": "OUTSIDE", "R/H": "RIGHT", "R/H/S": "RIGHT", "R/O": "REAR OF", "S/F": "SECOND FLOOR",
    "S/F/F": "SECOND FLOOR FLAT", "T/F": "TOP FLOOR", "T/F/F": "TOP FLOOR FLAT", "U/G": "UPPER GROUND",
}  # fmt: skip
"""The full form of each abbreviation. `ST` is SAINT or STREET, `PT` is PART or POINT: index and queries use one token for both."""
KINDS = frozenset(token for full in ABBREVIATIONS.values() for token in full.split()) | {
    "AND", "AT", "BY", "END", "GATE", "HILL", "IN", "OF", "ON", "RISE", "ROW", "SHOP", "THE", "TO", "UPON", "VALE",
}  # fmt: skip
"""Tokens for kinds of streets, buildings and parts, and linking words; none is a name."""
_SLASHED = "|".join(sorted((short for short in ABBREVIATIONS if "/" in short), key=len, reverse=True))
_TOKEN = re.compile(rf"(?<![A-Z0-9/])(?:{_SLASHED})(?![A-Z0-9/])|[A-Z0-9]+", re.ASCII)
_HAND_SIDE = re.compile(r"\b(LEFT|RIGHT)[ -]+HAND(?:[ -]+SIDE)?\b", re.ASCII)
FLOOR_NAMES = frozenset(
    {"BASEMENT", "GROUND", "FIRST", "SECOND", "THIRD", "FOURTH", "FIFTH", "SIXTH", "SEVENTH", "EIGHTH", "NINTH", "TENTH"}
)
"""Tokens of floors that exclude one another. TOP, UPPER and GARDEN are not here, because each may also be one of these."""
NUMBERS_OF_FLATS = "F"
"""`F12` is FLAT 12."""


def raw_tokens(text: str) -> list[str]:
    """Splits a text into runs of letters and digits, in capitals. Drops accents and apostrophes; other characters separate.

    Keeps an abbreviation with a stroke (`R/O`) as one run, and shortens `LEFT HAND SIDE` to `LEFT`.
    """
    if not text.isascii():
        text = "".join(character for character in unicodedata.normalize("NFKD", text) if not unicodedata.combining(character))
    if _SIGNS.search(text):
        text = text.translate(_DROPPED)
    text = text.upper()
    return _TOKEN.findall(_HAND_SIDE.sub(r"\1", text) if " HAND" in text else text)


@lru_cache(50_000)
def normal(raw: str) -> tuple[str, ...]:
    """Returns the tokens of a run of letters and digits."""
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


@lru_cache(5_000)
def begun_in_full(begun: str) -> frozenset[str]:
    """Returns the first token of the full form (`FLAT` of APARTMENT, `FIRST` of 1ST) of each abbreviation with this prefix."""
    return frozenset([full.partition(" ")[0] for short, full in ABBREVIATIONS.items() if short.startswith(begun)])


_AS_LETTERS = {"0": "O", "1": "IL", "2": "Z", "3": "E", "4": "A", "5": "S", "6": "G", "7": "T", "8": "B", "9": "G"}
_SHORTEST_MIXED, _MOST_DIGITS = 3, 4


def as_letters(run: str) -> tuple[str, ...]:
    """Returns the words that a run of letters with misread digits may be (`H1GH`: HIGH, HLGH); none if it looks like a number."""
    digits = sum(character.isdigit() for character in run)
    if not 0 < digits <= min(_MOST_DIGITS, len(run) - digits + 1) or len(run) < _SHORTEST_MIXED:
        return ()
    return tuple(map("".join, product(*(_AS_LETTERS.get(character, character) for character in run))))


def tokens(text: str) -> list[str]:
    """Splits a text into tokens."""
    return [token for raw in raw_tokens(text) for token in normal(raw)]
