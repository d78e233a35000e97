"""AddressBase Core's row of a `Blpu`.

The parts of the address are those of the first LPI, the approved one; post town, PO box and suffix those of the delivery point. So of what
a `Blpu` holds, a row keeps: UPRN, parent, UDPRN, position, class, identifier of the building, organisation, postcode, borough, date of the
last update, and the first LPI's street, numbers and names, in which a name and a number of a part within become one text.
"""

from services.addresses.domain.addressbase.incoming import Op
from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.addressbase.single_line import line

from .write_premium import Row, written


def row(blpu: Blpu, op: Op = Op.INSERT) -> Row:
    """The columns in their order."""
    point, lpi = blpu.delivery_point, next(iter(blpu.lpis), None)
    return (
        *(str(blpu.uprn), str(blpu.parent_uprn or ""), str(point.udprn) if point else "", str(lpi.usrn or "") if lpi else ""),
        *(blpu.toid, blpu.classification, f"{blpu.easting:.2f}", f"{blpu.northing:.2f}"),
        *(f"{blpu.latitude:.7f}", f"{blpu.longitude:.7f}", str(blpu.rpc), written(blpu.last_update), line(blpu)),
        *(point.po_box_number if point else "", blpu.organisation),
        *((_within(lpi.sao_text, str(lpi.sao)), lpi.pao_text, str(lpi.pao)) if lpi else ("", "", "")),
        *((lpi.street, lpi.locality, lpi.town) if lpi else ("", "", "")),
        *(point.post_town if point else "", "", blpu.postcode, point.delivery_point_suffix if point else "", blpu.borough, op.value),
    )


def _within(text: str, number: str) -> str:
    return f"{text} {number}" if text and number else text or number
