"""Parses UK postcodes: `NW1 1AA` is outward code `NW1` (area NW, district 1) and inward code `1AA` (sector 1, unit AA).

Follows BS 7666 and Royal Mail's programmer's guide as loosely as postcodes.io does, so that both accept the same texts.
"""

import re
from dataclasses import dataclass
from typing import Self

SPACES = " \t\n\r\f\v\u0085\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
"""Unicode's white space and its invisible joiners and separators, for a character class of a regular expression."""
_WHOLE = re.compile(rf"[{SPACES}]*([A-Z]{{1,2}}[0-9][A-Z0-9]?)[{SPACES}]*([0-9][A-Z]{{2}})[{SPACES}]*", re.ASCII | re.IGNORECASE)
_INWARD = re.compile(r"[0-9][A-Z]{2}", re.ASCII)
_UNFINISHED_INWARD = re.compile(r"[0-9][A-Z]{0,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Postcode:
    """A well-formed postcode in capitals. It need not exist."""

    outward: str
    inward: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Parses a whole postcode in any case, with any of Unicode's spaces or none; None for any other text."""
        found = _WHOLE.fullmatch(text)
        return cls(found[1].upper(), found[2].upper()) if found else None

    @property
    def sector(self) -> str:
        """The outward code and the sector's digit: `NW1 1`."""
        return f"{self.outward} {self.inward[0]}"

    def __str__(self) -> str:
        return f"{self.outward} {self.inward}"


@dataclass(frozen=True, slots=True)
class PartialPostcode:
    """A prefix of postcodes in the spaced form: `NW1` covers NW1 and NW10, `NW1 ` only NW1, `NW1 1A` twenty units."""

    prefix: str

    @property
    def after(self) -> str:
        """The first text after the prefix's range, in code point order."""
        return self.prefix[:-1] + chr(ord(self.prefix[-1]) + 1)


def whole_outward(token: str, outwards: frozenset[str]) -> tuple[PartialPostcode, ...]:
    """Returns the district of a completed token, if it is one of `outwards`."""
    return (PartialPostcode(f"{token} "),) if token in outwards else ()


def unfinished(token: str, outwards: frozenset[str]) -> tuple[PartialPostcode, ...]:
    """Returns every reading of an incomplete token as a prefix of a postcode in one of `outwards`.

    `NW11` is both the district NW11 and sector 1 of NW1 without its space.
    """
    if not token[0].isalpha():  # every outward code begins with a letter
        return ()
    readings = [PartialPostcode(token)] if any(outward.startswith(token) for outward in outwards) else []
    readings += [
        PartialPostcode(f"{token[:cut]} {token[cut:]}")
        for cut in range(2, len(token))
        if token[:cut] in outwards and _UNFINISHED_INWARD.fullmatch(token[cut:])
    ]
    return tuple(readings)


def unfinished_inward(outward: str, inward: str, outwards: frozenset[str]) -> tuple[PartialPostcode, ...]:
    """Reads two tokens, `NW1` and `1A`, as a prefix of a postcode, if the first is one of `outwards`."""
    if outward in outwards and _UNFINISHED_INWARD.fullmatch(inward):
        return (PartialPostcode(f"{outward} {inward}"),)
    return ()


_AS_DIGIT = str.maketrans("OILSBZQ", "0115820")
_AS_LETTER = str.maketrans("01528", "OISZB")


def correct_postcode(text: str) -> Postcode | None:
    """Corrects confused letters and digits in a postcode without space: `E8IAB`, `NWl1AA`. None if the result is no postcode."""
    compact = text.upper()
    if not 5 <= len(compact) <= 7:
        return None
    outward, inward = compact[:-3], compact[-3].translate(_AS_DIGIT) + compact[-2:].translate(_AS_LETTER)
    if not _INWARD.fullmatch(inward):
        return None
    for letters in (1, 2):
        if found := Postcode.parse(outward[:letters].translate(_AS_LETTER) + outward[letters:].translate(_AS_DIGIT) + inward):
            return found
    return None
