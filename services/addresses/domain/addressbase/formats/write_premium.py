"""Writes AddressBase Premium's records of a `Blpu`, and volumes of such records.

Leaves empty the values that a `Blpu` lacks: positions and dates of streets, and some dates of delivery points. Derives the keys that it
lacks (of cross references, classifications, organisations, successors) from the UPRN.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from services.addresses.domain.addressbase.incoming import Op
from services.addresses.domain.addressbase.records import Blpu, DeliveryPoint, Lpi, Numbering

from . import premium_records as types
from .assemble_premium import TOPOGRAPHY, Fields

MOST_RECORDS = 1_000_000
"""Records in a volume, as in OS's own supplies."""
WARD_SOURCE, PARISH_SOURCE = "7666OW", "7666MI"
_NO_DATES = ("", "", "", "")
_IN_KEY = 100_000_000_000
"""Modulus of the last eleven digits of a UPRN, which a key contains."""
Row = tuple[str, ...]


class Record(NamedTuple):
    """One row without its number in the order (PRO_ORDER)."""

    record: str
    op: Op
    fields: Fields
    """From the fourth column on."""


@dataclass(frozen=True, slots=True)
class Supply:
    """The values of a supply's header and metadata."""

    custodian: str
    """CUSTODIAN_NAME: the maker of the supply."""
    day: date
    change_only: bool = False


class Volumes:
    """Iterates over the volumes of a supply, each an iterator of rows.

    Read a volume to its end before you take the next. A group of records stays in one volume.
    """

    def __init__(self, groups: Iterable[list[Record]], supply: Supply, most: int = MOST_RECORDS) -> None:
        self._groups = iter(groups)
        self._next = next(self._groups, None)
        self._supply, self._most = supply, most
        self._number = self._order = 0

    def __iter__(self) -> Iterator[Iterator[Row]]:
        yield self._volume()
        while self._next is not None:
            yield self._volume()

    def _volume(self) -> Iterator[Row]:
        self._number += 1
        supply, today = self._supply, format_date(self._supply.day)
        kind = "C" if supply.change_only else "F"
        yield types.HEADER, supply.custodian, "9999", today, str(self._number), today, "00:00:00", "2.2", kind
        count = 0
        while self._next is not None and (count == 0 or count + len(self._next) <= self._most):
            for record, op, fields in self._next:
                count += 1
                self._order += 1
                yield record, op.value, str(self._order), *fields
            self._next = next(self._groups, None)
        yield (
            *(types.METADATA, supply.custodian, "LONDON", "NONE", "NONE", supply.custodian, "D", supply.custodian, "0", "9999"),
            *("BNG", "METRES", today, types.OWN_SCHEME, today, "ENG", "UTF-8"),
        )
        following = self._number + 1 if self._next is not None else 0
        yield types.TRAILER, str(following), str(count), today, "00:00:00"


def full_supply(blpus: Iterable[Blpu]) -> Iterator[list[Record]]:
    """Yields the records of each property, after those of its streets that have not come yet. Keeps the keys of streets in memory."""
    streets: set[tuple[int, str]] = set()
    for blpu in blpus:
        group: list[Record] = []
        for key, record, fields in street_records(blpu):
            if key not in streets:
                streets.add(key)
                group.append(Record(record, Op.INSERT, fields))
        group += [Record(record, Op.INSERT, fields) for record, fields in records(blpu)]
        yield group


def street_records(blpu: Blpu) -> Iterator[tuple[tuple[int, str], str, Fields]]:
    """Yields key (USRN and part), record type and fields of the streets of all LPIs. The caller keeps the first of each key."""
    for lpi in blpu.lpis:
        yield (lpi.usrn, types.STREET), types.STREET, _street(lpi.usrn, blpu.custodian, lpi.street_state, lpi.street_classification)
        yield (lpi.usrn, lpi.language.value), types.DESCRIPTOR, _descriptor(lpi)


@lru_cache(10_000)
def _street(usrn: int, custodian: int, state: str, classification: str) -> Fields:
    about = (str(usrn), "1", f"{custodian:04d}", state, "", "1", classification, "0")
    return (*about, *_NO_DATES, *("",) * 8, "")


def _descriptor(lpi: Lpi) -> Fields:
    return str(lpi.usrn), lpi.street, lpi.locality, lpi.town, lpi.administrative_area, lpi.language.value, *_NO_DATES


def records(blpu: Blpu) -> Iterator[tuple[str, Fields]]:
    """Yields record type and fields of a property's records, without those of its streets."""
    uprn = str(blpu.uprn)
    dates = (format_date(blpu.start_date), "", format_date(blpu.last_update), format_date(blpu.entry_date))
    yield types.BLPU, _blpu(blpu, uprn)
    yield types.CLASSIFICATION, (uprn, _key("C", 0, blpu), blpu.classification, types.OWN_SCHEME, "1.0", *dates)
    for at, lpi in enumerate(blpu.lpis):
        yield types.LPI, _lpi(lpi, uprn, lpi.lpi_key or _key("L", at, blpu))
    if blpu.delivery_point:
        yield types.DELIVERY_POINT, _delivery_point(blpu.delivery_point, uprn)
    for at, (source, reference) in enumerate(_cross_references(blpu)):
        yield types.CROSS_REFERENCE, (uprn, _key("X", at, blpu), reference, "", source, *dates)
    if blpu.organisation:
        yield types.ORGANISATION, (uprn, _key("O", 0, blpu), blpu.organisation, blpu.legal_name, *dates)
    for at, successor in enumerate(blpu.successors):
        yield types.SUCCESSOR, (uprn, _key("S", at, blpu), *dates, str(successor))


def _cross_references(blpu: Blpu) -> Iterator[tuple[str, str]]:
    if blpu.toid:
        yield TOPOGRAPHY, blpu.toid
    if blpu.ward:
        yield WARD_SOURCE, blpu.ward
    if blpu.parish:
        yield PARISH_SOURCE, blpu.parish
    yield from blpu.cross_references


def _key(letter: str, at: int, blpu: Blpu) -> str:
    """Returns fourteen characters that are unique among the records of a property."""
    return f"{letter}{at:02d}{blpu.uprn % _IN_KEY:011d}"


def _blpu(blpu: Blpu, uprn: str) -> Fields:
    return (
        *(uprn, str(int(blpu.logical_status)), str(int(blpu.state)) if blpu.state else "", format_date(blpu.state_date)),
        str(blpu.parent_uprn) if blpu.parent_uprn is not None else "",
        *(f"{blpu.easting:.2f}", f"{blpu.northing:.2f}", f"{blpu.latitude:.7f}", f"{blpu.longitude:.7f}"),
        *(str(blpu.rpc), str(blpu.custodian), blpu.country, format_date(blpu.start_date), format_date(blpu.end_date)),
        *(format_date(blpu.last_update), format_date(blpu.entry_date), blpu.postal_address or "N", blpu.postcode_locator),
        str(blpu.multi_occupancy),
    )


def _lpi(lpi: Lpi, uprn: str, key: str) -> Fields:
    start = format_date(lpi.start_date)
    return (
        *(
            uprn,
            key,
            lpi.language.value,
            str(int(lpi.logical_status)),
            start,
            format_date(lpi.end_date),
            format_date(lpi.last_update),
            start,
        ),
        *(*_numbering(lpi.sao), lpi.sao_text, *_numbering(lpi.pao), lpi.pao_text),
        *(str(lpi.usrn), "1", lpi.area_name, "", ""),
    )


@lru_cache(10_000)
def _numbering(numbers: Numbering) -> Fields:
    return tuple("" if part is None else str(part) for part in numbers)


def _delivery_point(point: DeliveryPoint, uprn: str) -> Fields:
    updated = format_date(point.last_update)
    return (
        *(uprn, str(point.udprn), point.organisation_name, point.department_name, point.sub_building_name, point.building_name),
        *(point.building_number, point.dependent_thoroughfare, point.thoroughfare, point.double_dependent_locality),
        *(point.dependent_locality, point.post_town, point.postcode, "S", point.delivery_point_suffix, "", "", "", "", ""),
        *(point.po_box_number, updated, "", "", updated, ""),
    )


@lru_cache(100_000)
def format_date(day: date | None) -> str:
    """Formats a date after ISO 8601; empty for None."""
    return day.isoformat() if day else ""
