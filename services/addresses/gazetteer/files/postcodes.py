"""The postcodes of a release: an SQLite file and a spatial index, written from the sources and read-only afterwards."""

import json
import random
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from services.addresses.domain.geography.location import Location
from services.addresses.domain.geography.national_grid import to_lng_lat
from services.addresses.domain.geography.postcode import PartialPostcode, Postcode
from services.addresses.domain.geography.postcode_records import PostcodeRecord

from . import shipped_sources as shipped
from .points import Points, write_points

FILE = "postcodes.sqlite3"
SCHEMA = Path(__file__).with_name("postcodes.sql")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LivePostcode:
    """A live postcode with the names of its borough and ward. `introduced` (yyyymm) and census codes are None if unknown."""

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
    """A withdrawn postcode, with the year and month of its termination."""

    postcode: Postcode
    year: int
    month: int
    lng: float
    lat: float


@dataclass(frozen=True, slots=True)
class Outcode:
    """A postcode district: the mean position of its live postcodes, and the names of their boroughs and wards."""

    outcode: str
    location: Location
    lng: float
    lat: float
    boroughs: tuple[str, ...]
    wards: tuple[str, ...]


def write_postcodes(folder: Path, sources: shipped.Sources) -> tuple[int, int]:
    """Write the postcodes; return the number of live and of terminated ones. Equal input gives equal bytes with the same SQLite."""
    live = sorted(sources.live(), key=lambda row: row.postcode)
    gone = _withdrawn(sources, {row.postcode for row in live})
    connection = sqlite3.connect(folder / FILE)
    try:
        # A failed build discards the file, so a journal would gain nothing.
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;")
        connection.executescript(SCHEMA.read_text(encoding="utf-8"))
        with connection:
            _write_places(connection, sources, live)
            connection.executemany("INSERT INTO terminated VALUES (?, ?, ?, ?)", gone)
            outcodes = _write_outcodes(connection, sources, live)
        connection.executescript("CREATE UNIQUE INDEX postcodes_by_postcode ON postcodes (postcode); ANALYZE;")
    finally:
        connection.close()
    _write_locations(folder, "postcodes", [row.location for row in live])
    _write_locations(folder, "outcodes", outcodes)
    return len(live), len(gone)


def _write_locations(folder: Path, name: str, locations: list[Location]) -> None:
    eastings, northings = (np.array([place[at] for place in locations], np.int64) * 100 for at in (0, 1))
    write_points(folder, name, eastings, northings)


def _with_lng_lat(rows: Iterable[T], locations: Iterable[Location]) -> Iterator[tuple[T, float, float]]:
    points = list(locations)
    converted = to_lng_lat((point.easting for point in points), (point.northing for point in points))
    for row, (lng, lat) in zip(rows, converted, strict=True):
        yield row, lng, lat


def _withdrawn(sources: shipped.Sources, live: set[str]) -> list[tuple[str, str, float, float]]:
    """Return terminated postcodes without those that are live again."""
    gone = [row for row in sources.terminated() if row.postcode not in live]
    return [(row.postcode, row.terminated, lng, lat) for row, lng, lat in _with_lng_lat(gone, (row.location for row in gone))]


def _write_places(connection: sqlite3.Connection, sources: shipped.Sources, live: list[PostcodeRecord]) -> None:
    wards = sources.wards()
    number = {ward.code: at for at, ward in enumerate(wards, start=1)}
    connection.executemany("INSERT INTO boroughs VALUES (?, ?)", sources.boroughs().items())
    connection.executemany("INSERT INTO wards VALUES (?, ?, ?, ?)", ((number[ward.code], *ward) for ward in wards))
    connection.executemany(
        "INSERT INTO postcodes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (at, row.postcode, row.quality, *row.location, lng, lat, number[row.ward], row.introduced, row.lsoa_2011, row.msoa_2011)
            for at, (row, lng, lat) in enumerate(_with_lng_lat(live, (row.location for row in live)))
        ),
    )


def _write_outcodes(connection: sqlite3.Connection, sources: shipped.Sources, live: list[PostcodeRecord]) -> list[Location]:
    boroughs, wards = sources.boroughs(), {ward.code: ward.name for ward in sources.wards()}
    districts = [(outcode, list(rows)) for outcode, rows in groupby(live, key=lambda row: row.postcode[:-4])]
    means = [
        Location(
            round(sum(row.location.easting for row in rows) / len(rows)), round(sum(row.location.northing for row in rows) / len(rows))
        )
        for _, rows in districts
    ]
    first = 0
    for at, ((outcode, rows), lng, lat) in enumerate(_with_lng_lat(districts, means)):
        names = [sorted({boroughs[row.borough] for row in rows}), sorted({wards[row.ward] for row in rows})]
        connection.execute(
            "INSERT INTO outcodes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (at, outcode, *means[at], lng, lat, *(json.dumps(each, ensure_ascii=False) for each in names), first, len(rows)),
        )
        first += len(rows)
    return means


_LIVE = """
SELECT postcodes.postcode, quality, easting, northing, lng, lat, boroughs.code, boroughs.name, wards.code, wards.name, introduced,
       lsoa_2011, msoa_2011
FROM postcodes JOIN wards ON wards.id = postcodes.ward JOIN boroughs ON boroughs.code = wards.borough
"""


class Postcodes:
    """Reads the postcodes of a release. Not thread-safe."""

    def __init__(self, folder: Path) -> None:
        address = f"{(folder / FILE).resolve().as_uri()}?mode=ro&immutable=1"
        self._connection = sqlite3.connect(address, uri=True, check_same_thread=False)
        self._points = Points(folder, "postcodes")
        self._outcode_points = Points(folder, "outcodes")
        self.outwards = frozenset(row[0] for row in self._connection.execute("SELECT outcode FROM outcodes"))
        """Outward codes that have a live postcode."""
        self.boroughs: dict[str, str] = dict(self._connection.execute("SELECT code, name FROM boroughs"))
        """Borough names by GSS code."""

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def postcode(self, postcode: Postcode) -> LivePostcode | None:
        """Return a live postcode, or None."""
        row = self._connection.execute(f"{_LIVE} WHERE postcodes.postcode = ?", (str(postcode),)).fetchone()
        return _live(row) if row else None

    def of_each_borough(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each borough's GSS code with its live postcodes (`NW1 1AA`), unordered."""
        # SQLite concatenates them: separate rows take five times as long.
        for borough, joined in self._connection.execute(
            "SELECT wards.borough, group_concat(postcode) FROM postcodes JOIN wards ON wards.id = postcodes.ward GROUP BY wards.borough"
        ):
            yield borough, joined.split(",")

    def terminated(self, postcode: Postcode) -> TerminatedPostcode | None:
        """Return a terminated postcode, or None."""
        row = self._connection.execute("SELECT terminated, lng, lat FROM terminated WHERE postcode = ?", (str(postcode),)).fetchone()
        return TerminatedPostcode(postcode, int(row[0][:4]), int(row[0][4:]), row[1], row[2]) if row else None

    def beginning_with(self, begun: PartialPostcode, borough: str | None, limit: int) -> list[LivePostcode]:
        """Return at most `limit` live postcodes that begin with `begun`, ascending, of one borough (GSS code) or of all."""
        rows = self._connection.execute(
            f"{_LIVE} WHERE postcodes.postcode >= ? AND postcodes.postcode < ? AND (? IS NULL OR wards.borough = ?)"
            " ORDER BY postcodes.postcode LIMIT ?",
            (begun.prefix, begun.after, borough, borough, limit),
        )
        return [_live(row) for row in rows]

    def nearest(self, easting: float, northing: float, radius: float, limit: int) -> list[tuple[LivePostcode, float]]:
        """Return live postcodes within `radius` metres with their distances in metres, nearest first."""
        rows, metres = self._points.nearest(easting, northing, radius, limit)
        return [(self._numbered(row), distance) for row, distance in zip(rows.tolist(), metres.tolist(), strict=True)]

    def outcode(self, outcode: str) -> Outcode | None:
        """Return a district (in capitals) that has a live postcode, or None."""
        row = self._connection.execute(f"{_OUTCODE} WHERE outcode = ?", (outcode,)).fetchone()
        return _outcode(row) if row else None

    def nearest_outcodes(self, easting: float, northing: float, radius: float, limit: int) -> list[tuple[Outcode, float]]:
        """Return districts whose mean position lies within `radius` metres, with their distances in metres, nearest first."""
        rows, metres = self._outcode_points.nearest(easting, northing, radius, limit)
        found = [self._connection.execute(f"{_OUTCODE} WHERE id = ?", (row,)).fetchone() for row in rows.tolist()]
        return [(_outcode(row), distance) for row, distance in zip(found, metres.tolist(), strict=True)]

    def at_random(self, outcode: str | None = None) -> LivePostcode | None:
        """Return a random live postcode, of one district if given; None where the district has none."""
        if outcode is None:
            first, count = 0, len(self._points.eastings)
        else:
            row = self._connection.execute("SELECT first, postcodes FROM outcodes WHERE outcode = ?", (outcode,)).fetchone()
            first, count = row or (0, 0)
        return self._numbered(first + random.randrange(count)) if count else None

    def _numbered(self, row: int) -> LivePostcode:
        return _live(self._connection.execute(f"{_LIVE} WHERE postcodes.id = ?", (row,)).fetchone())


_OUTCODE = "SELECT outcode, easting, northing, lng, lat, boroughs, wards FROM outcodes"


def _outcode(row: tuple[Any, ...]) -> Outcode:
    outcode, easting, northing, lng, lat, boroughs, wards = row
    return Outcode(outcode, Location(easting, northing), lng, lat, tuple(json.loads(boroughs)), tuple(json.loads(wards)))


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
