"""Assembles the rows of one UPRN to a record of the gazetteer."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from services.addresses.domain.addressbase.records import Blpu

from . import core, open_uprn
from . import premium_records as premium_layouts
from .assemble_core import core_blpu
from .assemble_premium import premium_blpu

Parts = Mapping[str, tuple[str, ...]]
"""The fields of one key (a UPRN or a street) by part, as the readers return them in `Incoming`."""


def assemble(uprn: int, parts: Parts, street: Callable[[int], Parts], wards: Mapping[str, str] | None = None) -> Blpu | None:
    """Assembles the record of a UPRN.

    `street` returns the parts of a USRN (empty if unknown). `wards` maps the GSS code of a ward to that of its borough; it serves
    premises whose custodian is not a borough.

    Returns None for premises outside London's 33 boroughs, and for a UPRN with only successors (type 30) or a position of OS Open UPRN.
    Premium's records take precedence over Core's row, a position of OS Open UPRN over both.

    Raises BadRowError if parts are missing: Premium records without the BLPU (21), no classification, a street without name.
    """
    if any(part[:2] in _DESCRIBING_TYPES for part in parts):
        blpu = premium_blpu(uprn, parts, street, wards or {})
    elif core.PART in parts:
        blpu = core_blpu(uprn, parts[core.PART])
    else:
        return None
    if blpu and (position := parts.get(open_uprn.PART)):
        easting, northing, latitude, longitude = map(float, position[1:])
        return replace(blpu, easting=easting, northing=northing, latitude=latitude, longitude=longitude)
    return blpu


_DESCRIBING_TYPES = frozenset(
    {
        *(premium_layouts.BLPU, premium_layouts.LPI, premium_layouts.DELIVERY_POINT),
        *(premium_layouts.CROSS_REFERENCE, premium_layouts.ORGANISATION, premium_layouts.CLASSIFICATION),
    }
)
