"""Writes AddressBase Core's row of a `Blpu`.

Takes the parts of the address from the first LPI, which is the approved one; post town, PO box and suffix from the delivery point.

A row keeps of a `Blpu`: UPRN, parent, UDPRN, position, class, TOID, organisation, postcode, borough, date of the last update, and the
first LPI's street, numbers and names. It joins name and number of an SAO to one text.
"""

from services.addresses.domain.addressbase.incoming import Op
from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.addressbase.single_line import line

from .write_premium import Row, format_date


def row(blpu: Blpu, op: Op = Op.INSERT) -> Row:
    """Returns the columns of a row in the specification's order."""
    point, lpi = blpu.delivery_point, next(iter(blpu.lpis), None)
    return (
        *(str(blpu.uprn), str(blpu.parent_uprn or ""), str(point.udprn) if point else "", str(lpi.usrn or "") if lpi else ""),
        *(blpu.toid, blpu.classification, f"{blpu.easting:.2f}", f"{blpu.northing:.2f}"),
        *(f"{blpu.latitude:.7f}", f"{blpu.longitude:.7f}", str(blpu.rpc), format_date(blpu.last_update), line(blpu)),
        *(point.po_box_number if point else "", blpu.organisation),
        *((_within(lpi.sao_text, str(lpi.sao)), lpi.pao_text, str(lpi.pao)) if lpi else ("", "", "")),
        *((lpi.street, lpi.locality, lpi.town) if lpi else ("", "", "")),
        *(point.post_town if point else "", "", blpu.postcode, point.delivery_point_suffix if point else "", blpu.borough, op.value),
    )


def _within(text: str, number: str) -> str:
    return f"{text} {number}" if text and number else text or number
