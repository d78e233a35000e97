"""Writes a folder of postcode sources from the rows of a postcode supply, for the next build."""

import csv
import gzip
from collections.abc import Iterable, Iterator, Mapping
from io import TextIOWrapper
from pathlib import Path

from services.addresses.domain.geography.postcode_records import PostcodeRecord, TerminatedPostcodeRecord, Ward
from services.addresses.gazetteer.files.shipped_sources import BOROUGHS, POSTCODES, TERMINATED, WARDS, Sources

_LIVE = ("postcode", "positional_quality", "easting", "northing", "borough_code", "ward_code", "introduced", "lsoa_2011", "msoa_2011")
_GONE = ("postcode", "terminated", "easting", "northing")
_CODE_POINT_STEP = 10
"""Code-Point writes ONS's quality 1..9 as 10..90, and so do these files."""


def write_sources(
    folder: Path,
    rows: Iterable[PostcodeRecord | TerminatedPostcodeRecord],
    previous: Sources,
    ward_names: Mapping[str, str] | None = None,
) -> Sources:
    """Write the rows of one edition (all its files) into a new folder, completed from the previous sources.

    - The rows give the live postcodes. A post area (`NW`) without a live row keeps its previous postcodes: Code-Point Open has a file per
      area, and an operator may import only some of them.
    - A row without a month of introduction or census areas of 2011 gets those of the previous sources; a new postcode has none.
    - The rows give the terminated postcodes. Without any (Code-Point Open lists none) all previous ones stay. The month in which a
      postcode left Code-Point is unknown, so neither list has it.
    - Names of boroughs stay. A new ward gets its name from `ward_names` (by GSS code), or its code. Wards without live postcodes are
      left out.
    - The files omit census output areas and boroughs of terminated postcodes, which the shipped files have: no code reads them.

    The later of two rows for a postcode counts. Raises FileExistsError if the folder exists, OSError if the disk rejects a write (discard
    the folder then), ValueError if no row is a live postcode.
    """
    live, gone = _sorted_out(rows)
    if not live:
        raise ValueError("there is no live postcode of London")
    before = {row.postcode: row for row in previous.live()}
    areas = {_area(postcode) for postcode in live}
    kept = (row for postcode, row in before.items() if _area(postcode) not in areas)
    completed = sorted([*kept, *(_completed(row, before.get(row.postcode)) for row in live.values())])
    folder.mkdir(parents=True)
    _write(folder / POSTCODES, _LIVE, map(_live_row, completed))
    terminated = sorted(gone.values()) if gone else previous.terminated()
    _write(folder / TERMINATED, _GONE, ((row.postcode, row.terminated, *row.location) for row in terminated))
    _write(folder / BOROUGHS, ("code", "name"), previous.boroughs().items())
    _write(folder / WARDS, ("code", "name", "borough_code"), _wards(completed, previous, ward_names or {}))
    return Sources(folder)


def _sorted_out(
    rows: Iterable[PostcodeRecord | TerminatedPostcodeRecord],
) -> tuple[dict[str, PostcodeRecord], dict[str, TerminatedPostcodeRecord]]:
    live: dict[str, PostcodeRecord] = {}
    gone: dict[str, TerminatedPostcodeRecord] = {}
    for row in rows:
        if isinstance(row, PostcodeRecord):
            live[row.postcode] = row
        else:
            gone[row.postcode] = row
    return live, gone


def _area(postcode: str) -> str:
    return postcode[: 2 if postcode[1].isalpha() else 1]


def _completed(row: PostcodeRecord, before: PostcodeRecord | None) -> PostcodeRecord:
    if before is None:
        return row
    return row._replace(
        introduced=row.introduced or before.introduced,
        lsoa_2011=row.lsoa_2011 or before.lsoa_2011,
        msoa_2011=row.msoa_2011 or before.msoa_2011,
    )


def _live_row(row: PostcodeRecord) -> tuple[str | int, ...]:
    return row.postcode, row.quality * _CODE_POINT_STEP, *row.location, row.borough, row.ward, row.introduced, row.lsoa_2011, row.msoa_2011


def _wards(live: Iterable[PostcodeRecord], previous: Sources, names: Mapping[str, str]) -> Iterator[Ward]:
    before = {ward.code: ward.name for ward in previous.wards()}
    for code, borough in sorted({row.ward: row.borough for row in live}.items()):
        yield Ward(code, names.get(code) or before.get(code) or code, borough)


def _write(path: Path, columns: Iterable[str], rows: Iterable[Iterable[str | int]]) -> None:
    """Write a CSV file, compressed if named `.gz`. Equal rows give equal bytes: the archive has no time and no name."""
    with path.open("xb") as file:
        packed = gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) if path.suffix == ".gz" else file
        with TextIOWrapper(packed, encoding="utf-8", newline="") as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
