"""The identifiers of made-up premises and streets: fixed by seed, postcode and place in it, whatever other postcodes there are.

Every unit postcode that London's post areas could hold has a fixed block of UPRNs, in the order of the postcodes of a sector; the seed
shifts the sectors round. No table is kept and no two postcodes meet, so premises are made one sector after the other, in UPRN order.
"""

from hashlib import blake2b
from typing import Final

from services.addresses.domain.geography.postcode import Postcode

MADE_UP_UPRNS = range(999_000_000_000, 1_000_000_000_000)
"""UPRNs of made-up premises. Real ones are given out in blocks to the street naming authorities, none of which lies here."""
MADE_UP_USRNS: Final = range(94_000_000, 100_000_000)
"""USRNs of made-up streets: eight digits, above those that highway authorities have been given."""
PER_POSTCODE: Final = 99
"""Premises that one postcode can hold. Royal Mail puts at most 100 delivery points in one."""
PER_SECTOR: Final = 238
"""Streets that one sector can hold."""

_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"
"""Those of a unit postcode's last two places: Royal Mail leaves out C, I, K, M, O, V."""
_LETTERED = {"E": 1, "EC": 4, "N": 1, "NW": 1, "SE": 1, "SW": 1, "W": 1, "WC": 2}
"""Districts up to this one may be followed by a letter: E1W, EC4Y, WC2R."""
_AREAS = ("BR", "CM", "CR", "DA", "E", "EC", "EN", "HA", "IG", "KT", "N", "NW", "RM", "SE", "SM", "SW", "TN", "TW", "UB", "W", "WC", "WD")
_FIRST: dict[str, int] = {}
_OUTWARDS = 0
for _area in _AREAS:
    _FIRST[_area] = _OUTWARDS
    _OUTWARDS += 100 + 26 * _LETTERED.get(_area, 0)
SECTORS: Final = _OUTWARDS * 10


class MadeUpNumbers:
    """The numbers of one seed."""

    def __init__(self, seed: int) -> None:
        self._shift = int.from_bytes(blake2b(f"{seed}".encode(), digest_size=8).digest()) % SECTORS

    def sector(self, postcode: Postcode) -> int:
        """Where the sector comes in the order of UPRNs, 0 to `SECTORS`. Raises ValueError for a postcode outside London's post areas."""
        return (_outward(postcode.outward) * 10 + int(postcode.inward[0]) + self._shift) % SECTORS

    def first_uprn(self, sector: int, postcode: Postcode) -> int:
        """The first UPRN of a postcode of that sector; it has `PER_POSTCODE` of them."""
        unit = _LETTERS.index(postcode.inward[1]) * 20 + _LETTERS.index(postcode.inward[2])
        return MADE_UP_UPRNS[(sector * 400 + unit) * PER_POSTCODE]

    def usrn(self, sector: int, ordinal: int) -> int:
        """The USRN of a sector's street."""
        if not 0 <= ordinal < PER_SECTOR:
            raise ValueError(f"a sector holds {PER_SECTOR} made-up streets, not {ordinal + 1}")
        return MADE_UP_USRNS[sector * PER_SECTOR + ordinal]


def _outward(outward: str) -> int:
    area = (outward if outward[-1].isdigit() else outward[:-1]).rstrip("0123456789")
    district = outward[len(area) :]
    first = _FIRST.get(area)
    if first is None:
        raise ValueError(f"{outward} is not in one of London's post areas ({', '.join(_AREAS)})")
    if district.isdigit():
        return first + int(district)
    number, letter = int(district[:-1]), ord(district[-1]) - ord("A")
    if not 1 <= number <= _LETTERED.get(area, 0):
        raise ValueError(f"{outward} has a letter where the area {area} has none")
    return first + 100 + 26 * (number - 1) + letter
