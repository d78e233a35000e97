"""Assembles a record of the gazetteer from AddressBase Core's row of one UPRN.

Core gives one address of each property, in parts, and does not say whether the council or Royal Mail wrote it. The record gets one
approved LPI of these parts. If the row has UDPRN and postcode, the record also gets a delivery point of the same parts.

Core lacks keys, history, alternatives, the ward, the state, the postal address code, and every date except the last update: they stay
empty. The borough counts as the custodian.
"""

import re

from services.addresses.domain.addressbase.records import Blpu, DeliveryPoint, Lpi, Numbering
from services.addresses.domain.geography.boroughs import BOROUGHS

from .assemble_premium import Fields, add_space, numbering, parse_date

_NUMBERING = re.compile(r"([0-9]{1,5})([A-Z]{0,2})(?:-([0-9]{1,5})([A-Z]{0,2}))?", re.ASCII)


def core_blpu(uprn: int, fields: Fields) -> Blpu | None:
    """Assembles a record from the fields of Core's row, without the change code; None outside London (see `assemble.assemble`)."""
    (_, parent, udprn, usrn, toid, classification, easting, northing, latitude, longitude, rpc, updated, line), parts = (
        fields[:13],
        fields[13:],
    )
    po_box, organisation, sub_building, name, number, street, locality, town, post_town, _, postcode, suffix, gss = parts
    borough = BOROUGHS.get(gss)
    if borough is None:
        return None
    sao, sao_text = _read(sub_building)
    pao, pao_text = _building(name, number)
    last_update = parse_date(updated)
    lpi = Lpi(
        lpi_key="",
        usrn=int(usrn or 0),
        street=street,
        sao=sao,
        sao_text=sao_text,
        pao=pao,
        pao_text=pao_text if street or sub_building or name or number else _beginning(line, organisation),
        locality=locality,
        town=town,
        administrative_area=borough.name.upper(),
        last_update=last_update,
    )
    point = (
        DeliveryPoint(
            udprn=int(udprn),
            postcode=add_space(postcode),
            post_town=post_town or town,
            organisation_name=organisation,
            sub_building_name=sub_building,
            building_name=name,
            building_number=number,
            po_box_number=po_box,
            thoroughfare=street,
            dependent_locality=locality,
            delivery_point_suffix=suffix,
            last_update=last_update,
        )
        if udprn and postcode
        else None
    )
    return Blpu(
        uprn=uprn,
        parent_uprn=int(parent) if parent else None,
        toid=toid,
        classification=classification,
        easting=float(easting),
        northing=float(northing),
        latitude=float(latitude),
        longitude=float(longitude),
        rpc=int(rpc),
        last_update=last_update,
        organisation=organisation,
        lpis=(lpi,),
        delivery_point=point,
        postcode_locator=add_space(postcode),
        borough=gss,
        custodian=borough.custodian,
        state=None,
        postal_address="",
    )


def _building(name: str, number: str) -> tuple[Numbering, str]:
    """Returns number and name of the building. PAF keeps numbers such as `179A` and `6-20` as building names."""
    if not number:
        return _read(name)
    read, left = _read(number)
    return read, ", ".join(part for part in (name, left) if part)


def _read(text: str) -> tuple[Numbering, str]:
    """Parses a number or a range of numbers with suffixes; returns any other text unchanged as second value."""
    found = _NUMBERING.fullmatch(text)
    return (numbering(*(part or "" for part in found.groups())), "") if found else (numbering("", "", "", ""), text)


def _beginning(line: str, organisation: str) -> str:
    """Returns the first part of an address that has neither street nor building, unless it is the organisation."""
    first = line.split(", ", 1)[0]
    return first if first != organisation else ""
