"""What was read of one UPRN, put together to a record of the gazetteer."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from services.addresses.domain.addressbase.records import Blpu

from . import core, open_uprn
from . import premium_records as premium_layouts
from .assemble_core import core_blpu
from .assemble_premium import premium_blpu

Parts = Mapping[str, tuple[str, ...]]
"""The fields held of one key (a UPRN, or a street), by part, as the readers gave them."""


def assemble(uprn: int, parts: Parts, street: Callable[[int], Parts], wards: Mapping[str, str] | None = None) -> Blpu | None:
    """The record of a UPRN. `street` gives the parts held of a USRN (none where it is not held), `wards` the borough of each ward by
    their GSS codes: it is asked for premises whose custodian is not a borough.

    None where the premises are outside London's 33 boroughs, and where nothing says what the UPRN is: only successors (type 30) or a
    position of OS Open UPRN are held of it. Premium's records stand before Core's row; a position of OS Open UPRN before both.
    Raises BadRowError where parts are missing: other Premium records without the BLPU (21), no classification, a street without name.
    """
    if any(part[:2] in _SAY_WHAT_IT_IS for part in parts):
        blpu = premium_blpu(uprn, parts, street, wards or {})
    elif core.PART in parts:
        blpu = core_blpu(uprn, parts[core.PART])
    else:
        return None
    if blpu and (position := parts.get(open_uprn.PART)):
        easting, northing, latitude, longitude = map(float, position[1:])
        return replace(blpu, easting=easting, northing=northing, latitude=latitude, longitude=longitude)
    return blpu


_SAY_WHAT_IT_IS = frozenset(
    {
        *(premium_layouts.BLPU, premium_layouts.LPI, premium_layouts.DELIVERY_POINT),
        *(premium_layouts.CROSS_REFERENCE, premium_layouts.ORGANISATION, premium_layouts.CLASSIFICATION),
    }
)
