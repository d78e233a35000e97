"""Shared fixtures of the import tests: a data dir with a few postcodes, and files of synthetic premises on them."""

import csv
import gzip
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from pathlib import Path

from services.addresses.domain.addressbase.formats import write_core as writing_core
from services.addresses.domain.addressbase.formats.write_premium import Record, Supply, Volumes, full_supply
from services.addresses.domain.addressbase.formats.write_updates import premium_changes
from services.addresses.domain.addressbase.records import Blpu, LogicalStatus
from services.addresses.domain.synthetic.generate import generate
from services.addresses.gazetteer.builds.full import write_release
from services.addresses.gazetteer.files.shipped_sources import BOROUGHS, POSTCODES, TERMINATED, WARDS, Sources
from services.addresses.gazetteer.imports.job import ImportOptions
from services.addresses.gazetteer.imports.run import import_files
from services.addresses.gazetteer.imports.source_files import gather
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.import_results import Imported
from services.addresses.gazetteer.releases.manifest import Recipe, folder_of
from services.addresses.gazetteer.releases.stages import kept_with
from services.addresses.gazetteer.search.gazetteer import Gazetteer

CAMDEN, HACKNEY = "E09000007", "E09000012"
MADE_UP = Supply("MADE UP ADDRESSES", date(2025, 9, 1))


class Unwatched:
    """A progress watch that ignores all reports."""

    def step(self, name: str, total: int, unit: str) -> None:
        """Nothing."""

    def at(self, done: int) -> None:
        """Nothing."""


def few_postcodes(folder: Path, of_each: int = 60) -> Sources:
    """Write a folder of sources with a few postcodes of Camden and of Hackney, so that builds are fast."""
    shipped = Sources()
    live = [row for borough in (CAMDEN, HACKNEY) for row in islice((row for row in shipped.live() if row.borough == borough), of_each)]
    place = ("postcode", "positional_quality", "easting", "northing")
    codes = ("borough_code", "ward_code", "introduced", "lsoa_2011", "msoa_2011")
    folder.mkdir(parents=True)
    _write(folder / POSTCODES, (*place, *codes), ((row[0], row[1] * 10, *row[2], *row[3:]) for row in sorted(live)))
    gone = islice(shipped.terminated(), 50)
    _write(folder / TERMINATED, ("postcode", "terminated", "easting", "northing"), ((row[0], row[1], *row[2]) for row in gone))
    _write(folder / BOROUGHS, ("code", "name"), shipped.boroughs().items())
    _write(folder / WARDS, ("code", "name", "borough_code"), shipped.wards())
    return Sources(folder)


def _write(path: Path, columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        table.writerows(rows)


def begin(data_dir: Path, postcodes: int = 120) -> Sources:
    """Activate a release without premises and with few postcodes."""
    sources = few_postcodes(data_dir / "few", postcodes // 2)
    recipe = Recipe(sources=sources.hashes(), premises={"none": ""})
    with local.data_dir_lock(data_dir):
        write_release(data_dir, recipe, [], sources)
        local.activate(data_dir, recipe.release)
    kept = kept_with(data_dir, recipe.release)
    kept.mkdir(parents=True)
    (data_dir / "few").rename(kept / "postcodes")
    return Sources(kept / "postcodes")


def made_up(sources: Sources, count: int = 400, seed: int = 1) -> list[Blpu]:
    """Generate records on those postcodes, in the order of their UPRNs."""
    return list(generate(sources.sites(), seed, premises=count))


def premium_file(path: Path, blpus: Iterable[Blpu]) -> Path:
    """Write a full supply in one volume."""
    return _in_one(path, full_supply(blpus), MADE_UP)


def premium_update(path: Path, before: Iterable[Blpu], after: Iterable[Blpu]) -> Path:
    """Write a change-only supply."""
    return _in_one(path, premium_changes(before, after), replace(MADE_UP, change_only=True))


def core_file(path: Path, blpus: Iterable[Blpu]) -> Path:
    """Write a full supply of Core, which omits historical records."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(writing_core.row(blpu) for blpu in blpus if blpu.end_date is None)
    return path


def _in_one(path: Path, groups: Iterable[list[Record]], supply: Supply) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        for volume in Volumes(groups, supply, 10_000_000):
            table.writerows(volume)
    return path


def imported(data_dir: Path, *paths: Path, **wanted: object) -> Imported:
    """Import a file without activating the release."""
    return import_files(data_dir, gather(paths), ImportOptions(**wanted), Unwatched())  # type: ignore[arg-type]


def activated(data_dir: Path, release_id: str) -> None:
    """Activate a release without the quality gate."""
    with local.data_dir_lock(data_dir):
        local.activate(data_dir, release_id)


def held(data_dir: Path, release_id: str | None = None) -> list[Blpu]:
    """Read all records of a release; by default, of the live one."""
    gazetteer = Gazetteer.open(folder_of(data_dir, release_id or local.live(data_dir)))
    try:
        return list(gazetteer.all_records())
    finally:
        gazetteer.close()


def retired(blpu: Blpu, *successors: int, on: date = date(2026, 1, 5)) -> Blpu:
    """Return the record as historical."""
    ended = (replace(lpi, logical_status=LogicalStatus.HISTORICAL, end_date=on) for lpi in blpu.lpis)
    lpis = tuple(sorted(ended, key=lambda lpi: lpi.lpi_key))
    return replace(blpu, logical_status=LogicalStatus.HISTORICAL, end_date=on, lpis=lpis, successors=successors)


@dataclass(frozen=True)
class Place:
    """A data dir in which a full supply is live."""

    data_dir: Path
    sources: Sources
    blpus: list[Blpu]
    file: Path
    release: str


def supplied(data_dir: Path, postcodes: int = 120) -> Place:
    """A full supply of AddressBase Premium, imported and live."""
    sources = begin(data_dir, postcodes)
    blpus = made_up(sources)
    file = premium_file(data_dir / "full.csv", blpus)
    made = imported(data_dir, file)
    activated(data_dir, made.release)
    return Place(data_dir, sources, blpus, file, made.release)
