"""A small town: made-up premises of two districts, and records written as councils and the Valuation Office write them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from services.addresses.domain.addressbase.records import Blpu, DeliveryPoint, Lpi, Numbering
from services.addresses.domain.synthetic.generate import generate
from services.addresses.gazetteer.builds.full import build
from services.addresses.gazetteer.files.shipped_sources import Sources
from services.addresses.gazetteer.search.gazetteer import Gazetteer

from .villa import PLACE

PREMISES, SEED = 3_000, 17


def premises(uprn: int, text: str, number: int, street: str, postcode: str, *, suffix: str = "", flat: str = "") -> Blpu:
    """`FLAT, TEXT, NUMBER STREET`; either of the first two may be empty."""
    lpi = Lpi(f"5360L{uprn:09d}", 9_000 + number, street, sao_text=flat, pao_text=text, pao=Numbering(number, suffix), town="LONDON")
    return Blpu(uprn, **PLACE, classification="RD04", postcode_locator=postcode, lpis=(lpi,))


def _delivered(uprn: int, flat: str, name: str) -> Blpu:
    """One of which Royal Mail knows the building's name and the council its number."""
    point = DeliveryPoint(uprn, "E8 1AB", "LONDON", sub_building_name=flat, building_name=name, thoroughfare="QUILLFEN STREET")
    return replace(premises(uprn, "", 12, "QUILLFEN STREET", "E8 1AB", flat=flat), delivery_point=point)


RECORDS = [
    *(_delivered(500 + n, f"FLAT {n}", "SIR BARNABAS BRIGHTWATER HOUSE") for n in range(1, 5)),
    premises(510, "MARLINSPIKE HALL", 14, "QUILLFEN STREET", "E8 1AB"),
    premises(520, "", 7, "HEATHERBRAE ROAD", "E8 1AD"),
    premises(521, "", 9, "HEATHERBRAE ROAD", "E8 1AD"),
    premises(522, "", 11, "HEATHERBRAE ROAD", "E8 1AD"),
    premises(523, "GARAGE REAR OF", 11, "HEATHERBRAE ROAD", "E8 1AD"),
    *(premises(530 + n, "HERON COURTYARD HOUSE", 3, "ROOKSNEST LANE", "E8 1AE", flat=f"FLAT D{n}, SECOND FLOOR") for n in range(1, 5)),
    *(premises(540 + n, "", 21, "MAPLEDORE GROVE", "E8 1AF", flat=f"{floor} FLOOR FLAT") for n, floor in enumerate(("GROUND", "THIRD"))),
    premises(542, "", 21, "MAPLEDORE GROVE", "E8 1AF", flat="FIRST AND SECOND FLOORS"),
    premises(550, "", 2, "MAPLEDORE GROVE", "E8 1AF", suffix="A", flat="FLAT 1"),
    premises(551, "", 2, "MAPLEDORE GROVE", "E8 1AF", flat="GROUND FLOOR FLAT"),
    premises(560, "", 30, "OSTRICHFEATHER PARK", "E8 1AG", flat="BASEMENT FLAT"),
    premises(561, "", 30, "OSTRICHFEATHER PARK", "E8 1AG", flat="GROUND FLOOR FLAT"),
    premises(562, "", 30, "OSTRICHFEATHER PARK", "E8 1AG", flat="FIRST FLOOR FLAT LEFT HAND SIDE"),
    premises(563, "", 30, "OSTRICHFEATHER PARK", "E8 1AG", flat="FIRST FLOOR FLAT RIGHT HAND SIDE"),
    premises(564, "", 30, "OSTRICHFEATHER PARK", "E8 1AG", flat="MAISONETTE TOP FLOOR"),
    premises(565, "", 30, "OSTRICHFEATHER PARK", "E8 1AG", flat="PART SECOND FLOOR"),
    premises(570, "", 5, "LONDON LANE", "E8 1AH"),
    premises(571, "", 6, "HIGH STREET", "E8 1AH"),
    premises(572, "", 8, "OAK AVENUE", "E8 1AH"),
    premises(580, "THE SAINT JOHN ROOMS", 40, "APARTMENT YARD", "E8 1AJ", flat="PART GROUND FLOOR"),
]


def built(folder: Path, sources: Sources) -> Iterator[Gazetteer]:
    """The town's release, open."""
    made_up = generate(sources.sites(("E09000012",)), SEED, premises=PREMISES)
    build(folder, iter(sorted([*made_up, *RECORDS], key=lambda blpu: blpu.uprn)), sources)
    opened = Gazetteer.open(folder)
    yield opened
    opened.close()
