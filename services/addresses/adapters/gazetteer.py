"""Read one release: every query that a request makes, and only queries. The file never changes, so nothing is locked or checked."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from services.addresses.domain.postcode import PartialPostcode, Postcode
from services.addresses.domain.premises import Delivery, Kind, Location
from services.addresses.domain.query import Word


@dataclass(frozen=True, slots=True)
class LivePostcode:
    """A live postcode with the names of where it is. `introduced` (yyyymm) and census codes are None where they are not known."""

    postcode: Postcode
    quality: int
    location: Location
    lng: float
    lat: float
    borough: str
    borough_name: str
    ward: str
    ward_name: str
    introduced: str | None
    lsoa_2011: str | None
    msoa_2011: str | None


@dataclass(frozen=True, slots=True)
class TerminatedPostcode:
    """A postcode withdrawn in that month."""

    postcode: Postcode
    year: int
    month: int
    lng: float
    lat: float


@dataclass(frozen=True, slots=True)
class Found:
    """Something that can be shown as a search result. Streets and postcodes have no UPRN, streets no single postcode."""

    kind: Kind
    delivery: Delivery
    borough: str
    lng: float
    lat: float
    uprn: int | None = None
    parent: int | None = None
    classification: str | None = None
    location: Location | None = None

    @property
    def searchable(self) -> str:
        """The text that was indexed for it."""
        return self.delivery.searchable()


_PREMISES = """
SELECT premises.kind, premises.organisation, premises.sub_building, premises.building_name, premises.building_number, streets.name,
       premises.postcode, streets.borough, premises.lng, premises.lat, premises.uprn, premises.parent, premises.classification,
       premises.easting, premises.northing
FROM premises JOIN streets ON streets.id = premises.street
"""
_LIVE = """
SELECT postcodes.postcode, quality, easting, northing, lng, lat, boroughs.code, boroughs.name, wards.code, wards.name, introduced,
       lsoa_2011, msoa_2011
FROM postcodes JOIN wards ON wards.id = postcodes.ward JOIN boroughs ON boroughs.code = wards.borough
"""


class Gazetteer:
    """One open release. Not for use from several threads at once; queries are short, so the event loop asks directly."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.outwards = frozenset(
            row[0] for row in connection.execute("SELECT DISTINCT substr(postcode, 1, length(postcode) - 4) FROM postcodes")
        )
        """Every outward code that has a live postcode."""
        self._first_premises: int = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM streets").fetchone()[0]

    @classmethod
    def open(cls, file: Path) -> Self:
        """Open a release's file. Raises sqlite3.Error where it is not one."""
        address = f"{file.resolve().as_uri()}?mode=ro&immutable=1"
        return cls(sqlite3.connect(address, uri=True, check_same_thread=False))

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    def postcode(self, postcode: Postcode) -> LivePostcode | None:
        """A live postcode."""
        row = self._connection.execute(f"{_LIVE} WHERE postcodes.postcode = ?", (str(postcode),)).fetchone()
        return _live(row) if row else None

    def terminated(self, postcode: Postcode) -> TerminatedPostcode | None:
        """A postcode that is no longer live."""
        row = self._connection.execute("SELECT terminated, lng, lat FROM terminated WHERE postcode = ?", (str(postcode),)).fetchone()
        return TerminatedPostcode(postcode, int(row[0][:4]), int(row[0][4:]), row[1], row[2]) if row else None

    def beginning_with(self, begun: PartialPostcode, borough: str | None, limit: int) -> list[LivePostcode]:
        """Live postcodes that begin so, in order."""
        rows = self._connection.execute(
            f"{_LIVE} WHERE postcodes.postcode >= ? AND postcodes.postcode < ? AND (? IS NULL OR wards.borough = ?)"
            " ORDER BY postcodes.postcode LIMIT ?",
            (begun.prefix, begun.after, borough, borough, limit),
        )
        return [_live(row) for row in rows]

    def premises(self, uprn: int) -> Found | None:
        """One premises or shell."""
        row = self._connection.execute(f"{_PREMISES} WHERE premises.uprn = ?", (uprn,)).fetchone()
        return _premises(row) if row else None

    def children(self, uprn: int) -> list[int]:
        """UPRNs of what a shell is divided into, in the order of the address."""
        return [row[0] for row in self._connection.execute("SELECT uprn FROM premises WHERE parent = ? ORDER BY id", (uprn,))]

    def at(self, postcode: Postcode) -> list[Found]:
        """Everything at a postcode, in the order of the street."""
        return [
            _premises(row)
            for row in self._connection.execute(f"{_PREMISES} WHERE premises.postcode = ? ORDER BY premises.id", (str(postcode),))
        ]

    def holding(self, words: Sequence[Word], area: Sequence[PartialPostcode], borough: str | None, most: int) -> list[Found]:
        """Streets and premises that hold all the words, in one of the areas and in the borough where these are given.

        At most `most`, streets first, then in the gazetteer's order; which is the best is for the caller to judge.
        """
        rows = self._connection.execute("SELECT rowid FROM search WHERE search MATCH ? LIMIT ?", (_expression(words, area, borough), most))
        numbers = [row[0] for row in rows]
        streets = self._streets([number for number in numbers if number < self._first_premises])
        premises = self._numbered([number for number in numbers if number >= self._first_premises])
        return streets + [
            found for found in premises if not area or any(found.delivery.postcode.startswith(begun.prefix) for begun in area)
        ]

    def how_many_hold(self, word: Word) -> int:
        """In how many addresses a finished word is: 0 for one that nothing holds."""
        row = self._connection.execute("SELECT doc FROM vocabulary WHERE term = ? AND col = 'words'", (word.whole.lower(),)).fetchone()
        return int(row[0]) if row else 0

    def _streets(self, numbers: Sequence[int]) -> list[Found]:
        rows = self._connection.execute(
            f"SELECT name, borough, lng, lat FROM streets WHERE id IN ({_marks(numbers)}) ORDER BY id",  # noqa: S608 (marks only)
            numbers,
        )
        return [Found(Kind.STREET, Delivery(street=name), borough, lng, lat) for name, borough, lng, lat in rows]

    def _numbered(self, numbers: Sequence[int]) -> list[Found]:
        rows = self._connection.execute(f"{_PREMISES} WHERE premises.id IN ({_marks(numbers)}) ORDER BY premises.id", numbers)
        return [_premises(row) for row in rows]


def _expression(words: Sequence[Word], area: Sequence[PartialPostcode], borough: str | None) -> str:
    """An FTS5 expression. Tokens are letters and digits alone (see `domain.text`), so quoting them is enough."""
    terms = [f"words : ({' AND '.join(_term(word) for word in words)})"]
    if area:
        terms.append(f"area : ({' OR '.join(_area_term(begun) for begun in area)})")
    if borough:
        terms.append(f'area : "{borough}"')
    return " AND ".join(terms)


def _term(word: Word) -> str:
    return f'("{word.whole}" OR "{word.text}" *)' if word.unfinished else f'"{word.whole}"'


def _area_term(begun: PartialPostcode) -> str:
    """The narrowest token that the beginning implies: a sector, a district, or every district that begins so."""
    outward, space, inward = begun.prefix.partition(" ")
    if inward:
        return f'"{outward}_{inward[0]}"'
    return f'"{outward}"' if space else f'"{outward}" *'


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


def _live(row: tuple[Any, ...]) -> LivePostcode:
    postcode, quality, easting, northing, lng, lat, borough, borough_name, ward, ward_name, introduced, lsoa, msoa = row
    return LivePostcode(
        postcode=Postcode(*postcode.split(" ")),
        quality=quality,
        location=Location(easting, northing),
        lng=lng,
        lat=lat,
        borough=borough,
        borough_name=borough_name,
        ward=ward,
        ward_name=ward_name,
        introduced=introduced or None,
        lsoa_2011=lsoa or None,
        msoa_2011=msoa or None,
    )


def _premises(row: tuple[Any, ...]) -> Found:
    kind, organisation, sub_building, name, number, street, postcode, borough, lng, lat, uprn, parent, classification, easting, northing = (
        row
    )
    return Found(
        kind=Kind(kind),
        delivery=Delivery(organisation, sub_building, name, number, street, postcode=postcode),
        borough=borough,
        lng=lng,
        lat=lat,
        uprn=uprn,
        parent=parent,
        classification=classification,
        location=Location(easting, northing),
    )
