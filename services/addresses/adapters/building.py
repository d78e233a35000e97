"""Write a gazetteer file: postcodes from the shipped data, made-up premises on some of them, and the index that finds both."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from services.addresses.domain.generation import Gazetteer, Site, generate
from services.addresses.domain.grid import to_lng_lat
from services.addresses.domain.postcode import Postcode
from services.addresses.domain.premises import Location, Premises
from services.addresses.domain.text import tokens

from .sources import LivePostcode, Sources

SCHEMA = Path(__file__).with_name("schema.sql")
PREMISES_BOROUGHS = ("E09000007", "E09000012")
"""Camden and Hackney: the boroughs that made-up premises are generated for."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a release holds."""

    postcodes: int
    terminated: int
    streets: int
    premises: int

    def as_dict(self) -> dict[str, int]:
        """For the manifest."""
        return asdict(self)


def build(file: Path, sources: Sources, seed: int, boroughs: Collection[str] = PREMISES_BOROUGHS) -> Counts:
    """Write the gazetteer to `file`, which must not exist. The same input gives the same bytes with the same SQLite.

    Raises OSError or sqlite3.Error where the disk does not take it; the file is then worthless.
    """
    live = list(sources.live())
    terminated = _withdrawn(sources, {row.postcode for row in live})
    made = generate([Site(_whole(row.postcode), row.borough, row.location) for row in live if row.borough in boroughs], seed)
    connection = sqlite3.connect(file)
    try:
        # A file that is not finished is thrown away, so nothing is gained by a journal.
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;")
        connection.executescript(SCHEMA.read_text(encoding="utf-8"))
        with connection:
            _write_places(connection, sources, live)
            connection.executemany("INSERT INTO terminated VALUES (?, ?, ?, ?)", terminated)
            _write_premises(connection, made)
            _write_index(connection, made)
        connection.executescript("INSERT INTO search (search) VALUES ('optimize'); ANALYZE;")
    finally:
        connection.close()
    return Counts(len(live), len(terminated), len(made.streets), len(made.premises))


def _whole(postcode: str) -> Postcode:
    parsed = Postcode.parse(postcode)
    if parsed is None:
        raise ValueError(f"{postcode!r} in the shipped data is not a postcode")
    return parsed


def _with_lng_lat(rows: Iterable[T], locations: Iterable[Location]) -> Iterator[tuple[T, float, float]]:
    points = list(locations)
    converted = to_lng_lat((point.easting for point in points), (point.northing for point in points))
    for row, (lng, lat) in zip(rows, converted, strict=True):
        yield row, lng, lat


def _withdrawn(sources: Sources, live: set[str]) -> list[tuple[str, str, float, float]]:
    """Postcodes that are gone: those taken up again are live."""
    gone = [row for row in sources.terminated() if row.postcode not in live]
    return [(row.postcode, row.terminated, lng, lat) for row, lng, lat in _with_lng_lat(gone, (row.location for row in gone))]


def _write_places(connection: sqlite3.Connection, sources: Sources, live: list[LivePostcode]) -> None:
    wards = sources.wards()
    number = {ward.code: at for at, ward in enumerate(wards, start=1)}
    connection.executemany("INSERT INTO boroughs VALUES (?, ?)", sources.boroughs().items())
    connection.executemany("INSERT INTO wards VALUES (?, ?, ?, ?)", ((number[ward.code], *ward) for ward in wards))
    connection.executemany(
        "INSERT INTO postcodes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (row.postcode, row.quality, *row.location, lng, lat, number[row.ward], row.introduced, row.lsoa_2011, row.msoa_2011)
            for row, lng, lat in _with_lng_lat(live, (row.location for row in live))
        ),
    )


def _write_premises(connection: sqlite3.Connection, made: Gazetteer) -> None:
    connection.executemany(
        "INSERT INTO streets VALUES (?, ?, ?, ?, ?)",
        (
            (street.number, street.name, street.borough, lng, lat)
            for street, lng, lat in _with_lng_lat(made.streets, (street.location for street in made.streets))
        ),
    )
    placed = _with_lng_lat(made.premises, (premises.location for premises in made.premises))
    connection.executemany(
        "INSERT INTO premises VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ((row, *_columns(premises), lng, lat) for row, (premises, lng, lat) in enumerate(placed, start=len(made.streets) + 1)),
    )
    connection.executescript(
        "CREATE UNIQUE INDEX premises_by_uprn ON premises (uprn); CREATE INDEX premises_by_postcode ON premises (postcode);"
        "CREATE INDEX premises_by_parent ON premises (parent) WHERE parent IS NOT NULL;"
    )


def _columns(premises: Premises) -> tuple[str | int | None, ...]:
    parts = premises.delivery
    return (
        *(premises.uprn, premises.parent, premises.kind, premises.classification),
        *(parts.organisation, parts.sub_building, parts.building_name, parts.building_number, premises.street, parts.postcode),
        *premises.location,
    )


def _write_index(connection: sqlite3.Connection, made: Gazetteer) -> None:
    connection.executemany(
        "INSERT INTO search (rowid, words, area) VALUES (?, ?, ?)",
        ((street.number, " ".join(tokens(street.name)), _area(street.borough, street.postcodes)) for street in made.streets),
    )
    connection.executemany(
        "INSERT INTO search (rowid, words, area) VALUES (?, ?, ?)",
        (
            (row, " ".join(tokens(premises.delivery.searchable())), _area(premises.borough, (premises.delivery.postcode,)))
            for row, premises in enumerate(made.premises, start=len(made.streets) + 1)
        ),
    )


def _area(borough: str, postcodes: Iterable[str]) -> str:
    districts_and_sectors = {token for postcode in postcodes for token in (postcode[:-4], postcode[:-2].replace(" ", "_"))}
    return " ".join([borough, *sorted(districts_and_sectors)])
