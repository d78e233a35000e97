"""Formats an address on one line from its AddressBase parts.

Follows OS's "AddressBase Premium: creating a single-line address": a delivery point as Royal Mail writes it, an LPI as the local
authority does. Keeps the case of the parts, which OS publishes in capitals.
"""

from .records import Blpu, DeliveryPoint, LogicalStatus, Lpi


def delivery_line(point: DeliveryPoint) -> str:
    """Formats a delivery point: `FLAT 2, 14 QUILLFEN STREET, LONDON, NW1 1AA`."""
    before = (point.department_name, point.organisation_name, point.sub_building_name)
    name, number, box = point.building_name, point.building_number, point.po_box_number
    thoroughfare = ", ".join(filter(None, (point.dependent_thoroughfare, point.thoroughfare)))
    street = f"{number} {thoroughfare}" if number and thoroughfare else number or thoroughfare
    if name and not number and street and _is_number(name):  # PAF keeps 179A and 6-20 as building names
        name, street = "", f"{name} {street}"
    after = (point.double_dependent_locality, point.dependent_locality, point.post_town, point.postcode)
    return ", ".join(filter(None, (*before, name, f"PO BOX {box}" if box else "", street, *after)))


def lpi_line(lpi: Lpi, postcode: str = "", organisation: str = "") -> str:
    """Formats an LPI: `FLAT 2, KESTRELFORD HOUSE, 14 QUILLFEN STREET, LONDON, NW1 1AA`. Leaves the administrative area out."""
    secondary = _part(lpi.sao_text, str(lpi.sao))
    number = str(lpi.pao)
    street = f"{number} {lpi.street}" if number else lpi.street
    named = lpi.pao_text
    if secondary and lpi.sao.start_number is not None and not lpi.sao_text and named:
        secondary, named = "", f"{secondary} {named}"
    parts = (organisation, secondary, named, street, lpi.locality, lpi.town, postcode)
    return ", ".join(part for part in parts if part)


def line(blpu: Blpu) -> str:
    """Formats the address of a property: its delivery point's, else its first approved LPI's, else its first LPI's; empty without one."""
    if blpu.delivery_point:
        return delivery_line(blpu.delivery_point)
    approved = next((lpi for lpi in blpu.lpis if lpi.logical_status is LogicalStatus.APPROVED), None)
    chosen = approved or next(iter(blpu.lpis), None)
    return lpi_line(chosen, blpu.postcode_locator, blpu.organisation) if chosen else ""


def _part(text: str, number: str) -> str:
    return f"{text}, {number}" if text and number else text or number


def _is_number(name: str) -> bool:
    """Tells whether a building name is a number with a suffix or a range: `179A`, `6-20`."""
    return name[0].isdigit() and " " not in name
