"""UK postcodes: `NW1 1AA` is outward code `NW1` (area NW, district 1) and inward code `1AA` (sector 1, unit AA).

The form follows BS 7666 and Royal Mail's programmer's guide as loosely as postcodes.io does, so that both accept the same text.
"""

import re
from dataclasses import dataclass
from typing import Self

SPACES = " \t\n\r\f\v\u0085\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
"""White space of Unicode, for a character class of a regular expression; and what joins or parts words without being seen."""
_WHOLE = re.compile(rf"[{SPACES}]*([A-Z]{{1,2}}[0-9][A-Z0-9]?)[{SPACES}]*([0-9][A-Z]{{2}})[{SPACES}]*", re.ASCII | re.IGNORECASE)
_INWARD = re.compile(r"[0-9][A-Z]{2}", re.ASCII)
_UNFINISHED_INWARD = re.compile(r"[0-9][A-Z]{0,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Postcode:
    """A well-formed postcode, in capitals. Well-formed says nothing about whether it exists."""

    outward: str
    inward: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a whole postcode in any case, with or without its space, which may be any of Unicode's. None where the text is not one."""
        found = _WHOLE.fullmatch(text)
        return cls(found[1].upper(), found[2].upper()) if found else None

    @property
    def sector(self) -> str:
        """Outward code and the sector's digit: `NW1 1`."""
        return f"{self.outward} {self.inward[0]}"

    def __str__(self) -> str:
        return f"{self.outward} {self.inward}"


@dataclass(frozen=True, slots=True)
class PartialPostcode:
    """The beginning of a postcode, in the spaced form: `NW1` begins NW1 and NW10, `NW1 ` only NW1, `NW1 1A` twenty units."""

    prefix: str

    @property
    def after(self) -> str:
        """The first text, in code point order, that no longer begins with the prefix."""
        return self.prefix[:-1] + chr(ord(self.prefix[-1]) + 1)


def whole_outward(token: str, outwards: frozenset[str]) -> tuple[PartialPostcode, ...]:
    """The district that a finished token names, if it is one of `outwards`."""
    return (PartialPostcode(f"{token} "),) if token in outwards else ()


def unfinished(token: str, outwards: frozenset[str]) -> tuple[PartialPostcode, ...]:
    """Every way to read a token that is still being typed as the beginning of a postcode in one of `outwards`.

    `NW11` is the district NW11 as well as sector 1 of NW1 written without its space; both are returned.
    """
    if not token[0].isalpha():  # as no outward code begins
        return ()
    readings = [PartialPostcode(token)] if any(outward.startswith(token) for outward in outwards) else []
    readings += [
        PartialPostcode(f"{token[:cut]} {token[cut:]}")
        for cut in range(2, len(token))
        if token[:cut] in outwards and _UNFINISHED_INWARD.fullmatch(token[cut:])
    ]
    return tuple(readings)


def unfinished_inward(outward: str, inward: str, outwards: frozenset[str]) -> tuple[PartialPostcode, ...]:
    """Read two tokens, `NW1` and `1A`, as the beginning of a postcode."""
    if outward in outwards and _UNFINISHED_INWARD.fullmatch(inward):
        return (PartialPostcode(f"{outward} {inward}"),)
    return ()


_AS_DIGIT = str.maketrans("OILSBZQ", "0115820")
_AS_LETTER = str.maketrans("01528", "OISZB")


def mended(text: str) -> Postcode | None:
    """Read a postcode in which a letter stands for a digit or the other way round: `E8 IAB`, `NWl 1AA`. None where that does not help."""
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
