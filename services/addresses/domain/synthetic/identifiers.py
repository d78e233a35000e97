"""Derives the identifiers of synthetic premises and streets from seed and postcode, independently of other postcodes.

Every possible unit postcode of London's post areas has a block of UPRNs of its own, in the order of the postcodes of a sector. The seed
rotates the sectors. So the generator needs no table, and makes premises sector by sector in the order of their UPRNs.
"""

from hashlib import blake2b
from typing import Final

from services.addresses.domain.geography.postcode import Postcode

MADE_UP_UPRNS = range(999_000_000_000, 1_000_000_000_000)
"""UPRNs of synthetic premises. GeoPlace allocates blocks of real UPRNs to the street naming authorities, none of them in this range."""
MADE_UP_USRNS: Final = range(94_000_000, 100_000_000)
"""USRNs of synthetic streets: eight digits, above those of the highway authorities."""
PER_POSTCODE: Final = 99
"""Limit of premises on a postcode. Royal Mail puts at most 100 delivery points in one."""
PER_SECTOR: Final = 238
"""Limit of streets in a sector."""

_LETTERS = "ABDEFGHJLNPQRSTUWXYZ"
"""Letters of a unit: Royal Mail omits C, I, K, M, O and V."""
_LETTERED = {"E": 1, "EC": 4, "N": 1, "NW": 1, "SE": 1, "SW": 1, "W": 1, "WC": 2}
"""By area, the last district that may have a letter after its number: E1W, EC4Y, WC2R."""
_AREAS = ("BR", "CM", "CR", "DA", "E", "EC", "EN", "HA", "IG", "KT", "N", "NW", "RM", "SE", "SM", "SW", "TN", "TW", "UB", "W", "WC", "WD")
_FIRST: dict[str, int] = {}
_OUTWARDS = 0
for _area in _AREAS:
    _FIRST[_area] = _OUTWARDS
    _OUTWARDS += 100 + 26 * _LETTERED.get(_area, 0)
SECTORS: Final = _OUTWARDS * 10


class MadeUpNumbers:
    """UPRNs and USRNs of one seed."""

    def __init__(self, seed: int) -> None:
        self._shift = int.from_bytes(blake2b(f"{seed}".encode(), digest_size=8).digest()) % SECTORS

    def sector(self, postcode: Postcode) -> int:
        """Returns the sector's position in the order of UPRNs, from 0 to below `SECTORS`.

        Raises ValueError for a postcode outside London's post areas.
        """
        return (_outward(postcode.outward) * 10 + int(postcode.inward[0]) + self._shift) % SECTORS

    def first_uprn(self, sector: int, postcode: Postcode) -> int:
        """Returns the first of the `PER_POSTCODE` UPRNs of a postcode in that sector."""
        unit = _LETTERS.index(postcode.inward[1]) * 20 + _LETTERS.index(postcode.inward[2])
        return MADE_UP_UPRNS[(sector * 400 + unit) * PER_POSTCODE]

    def usrn(self, sector: int, ordinal: int) -> int:
        """Returns the USRN of a sector's street by its number, from 0. Raises ValueError from `PER_SECTOR` on."""
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
