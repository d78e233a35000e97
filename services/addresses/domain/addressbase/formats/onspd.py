"""Reads ONS's postcode directory and statistics postcode lookup (ONSPD, NSPL): live and terminated postcodes with their areas.

Finds columns by name. The names differ between the two products, changed in 2025, and contain the year of their areas.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.addresses.domain.addressbase.incoming import BadRowError, EmptyFileError, WrongFileError
from services.addresses.domain.geography.boroughs import BOROUGHS
from services.addresses.domain.geography.location import Location
from services.addresses.domain.geography.postcode import Postcode
from services.addresses.domain.geography.postcode_records import PostcodeRecord, TerminatedPostcodeRecord

from .columns import GSS, MONTH, Kind, digits

NAME = "onspd"
_NAMES = {
    "postcode": "pcds|pcd[278]?",
    "introduced": "dointr",
    "terminated": "doterm",
    "easting": "oseast1m|east1m",
    "northing": "osnrth1m|north1m",
    "quality": "osgrdind|gridind",
    "borough": "oslaua|laua|lad[0-9]*cd",
    "ward": "osward|ward|wd[0-9]*cd",
    "lsoa_2011": "lsoa11(?:cd)?",
    "msoa_2011": "msoa11(?:cd)?",
}
_OPTIONAL = frozenset({"lsoa_2011", "msoa_2011"})
"""Later editions have only the areas of 2021."""
_POSTCODE = Kind(r"[A-Z]{1,2}[0-9][A-Z0-9]? {0,2}[0-9][A-Z]{2}", "is not a postcode", capitals=True)
_METRES, _QUALITY = digits(7), Kind("[1-9]", "is not a digit of 1 to 9")
_NOWHERE = "9"
"""The quality of a postcode without coordinates; its latitude is then 99.999999."""


class _Columns(NamedTuple):
    """The index of each column in a row, counted from 0; -1 for a column that the file lacks."""

    postcode: int
    introduced: int
    terminated: int
    easting: int
    northing: int
    quality: int
    borough: int
    ward: int
    lsoa_2011: int
    msoa_2011: int


class Onspd:
    """Reads one file, which begins with a header row. Census areas are those of 2011, empty if the file has none."""

    name = NAME

    def __init__(self) -> None:
        self.without_place = 0
        """Count of London's postcodes without coordinates, which the reader leaves out."""
        self._header: Sequence[str] = ()
        self._columns: _Columns | None = None
        self._found = 0

    def postcodes(self, row: Sequence[str]) -> Iterable[PostcodeRecord | TerminatedPostcodeRecord]:
        """Reads a row; returns its postcode if it lies in London and has coordinates."""
        if not row:
            return ()
        if self._columns is None:
            self._header, self._columns = row, _find(row)
            return ()
        if len(row) != len(self._header):
            raise BadRowError(f"it has {len(row)} columns, not {len(self._header)}")
        at = self._columns
        if row[at.borough] not in BOROUGHS:
            return ()
        if row[at.quality] == _NOWHERE or not row[at.easting]:
            self.without_place += 1
            return ()
        return (self._read(row, at),)

    def _read(self, row: Sequence[str], at: _Columns) -> PostcodeRecord | TerminatedPostcodeRecord:
        postcode = str(Postcode.parse(self._value(row, at.postcode, _POSTCODE)))
        location = Location(int(self._value(row, at.easting, _METRES)), int(self._value(row, at.northing, _METRES)))
        if row[at.terminated]:
            self._found += 1
            return TerminatedPostcodeRecord(postcode, self._value(row, at.terminated, MONTH), location)
        quality, ward = self._value(row, at.quality, _QUALITY), self._value(row, at.ward, GSS)
        introduced = self._value(row, at.introduced, MONTH.or_nothing())
        census = (self._value(row, column, GSS.or_nothing()) if column >= 0 else "" for column in (at.lsoa_2011, at.msoa_2011))
        self._found += 1
        return PostcodeRecord(postcode, int(quality), location, row[at.borough], ward, introduced, *census)

    def _value(self, row: Sequence[str], column: int, kind: Kind) -> str:
        value = row[column].strip()
        value = value.upper() if kind.capitals else value
        if fault := kind.fault(value):
            raise BadRowError(f"column {column + 1} ({self._header[column]}) {fault}")
        return value

    def end(self) -> None:
        """Ends the file. Raises `EmptyFileError` if it had no postcode of London."""
        if not self._found:
            raise EmptyFileError("it holds no postcode of London")


def is_header(row: Sequence[str]) -> bool:
    """Tells whether a row is a header of ONSPD or NSPL."""
    names = [_plain(name) for name in row]
    return "doterm" in names and any(re.fullmatch(_NAMES["postcode"], name) for name in names)


def _find(header: Sequence[str]) -> _Columns:
    names = [_plain(name) for name in header]
    return _Columns(**{wanted: _column(names, wanted, pattern) for wanted, pattern in _NAMES.items()})


def _column(names: list[str], wanted: str, pattern: str) -> int:
    """Returns the index of a column: of several the latest year's, and of several spellings of the postcode the one with one space."""
    found = sorted(name for name in names if re.fullmatch(pattern, name))
    if not found and wanted not in _OPTIONAL:
        raise WrongFileError(f"it has no column for the {wanted} ({pattern})")
    return names.index(found[-1]) if found else -1


def _plain(name: str) -> str:
    return name.strip().lstrip("\ufeff").lower()
