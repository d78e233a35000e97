"""Files of made-up premises in AddressBase's formats, to try imports, searches and machines with as many addresses as London has."""

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TextIO

from services.addresses.domain.addressbase.formats import core, premium
from services.addresses.domain.addressbase.formats import write_core as writing_core
from services.addresses.domain.addressbase.formats.premium_records import AROUND
from services.addresses.domain.addressbase.formats.write_premium import MOST_RECORDS, Row, Supply, Volumes, full_supply
from services.addresses.domain.addressbase.formats.write_updates import core_changes, premium_changes
from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.synthetic.generate import generate
from services.addresses.domain.synthetic.quarterly_changes import CHANGED_ON, changed
from services.addresses.gazetteer.files.shipped_sources import Sources

MADE_UP = Supply("MADE UP ADDRESSES", date(2025, 9, 1))
"""What their header says; the day is that of the made-up premises' last update, so that the same seed gives the same bytes."""
CHANGES = replace(MADE_UP, day=CHANGED_ON, change_only=True)
_STEP = 1_000
"""Premises between two reports of progress."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """One file."""

    path: Path
    format: str
    """As `blocks addresses import --format` names it."""
    records: int
    """Rows without header, metadata and trailer."""
    bytes: int


def generate_files(
    premises: int,
    seed: int,
    out: Path,
    progress: Callable[[int], None],
    *,
    sources: Sources | None = None,
    most: int = MOST_RECORDS,
) -> list[WrittenFile]:
    """Write made-up premises on London's postcodes into `out` as AddressBase Core and as AddressBase Premium, in files of at most `most`
    records. File names, the header and the range of UPRNs say that they are made up. The same seed gives the same bytes.

    `progress` is told how many premises have been written. Raises ValueError for more premises than the postcodes hold, FileExistsError
    where `out` holds something, OSError where the disk does not take it: what was written is then removed.
    """
    _check_empty(out)
    core_files, premium_files = _files(out, MADE_UP)
    with _all_or_none(core_files, premium_files):
        made = generate((sources or Sources()).sites(), seed, premises=premises)
        premium_files.add_volumes(Volumes(full_supply(_to_core(made, core_files, most, progress)), MADE_UP, most))
    return [*core_files.written, *premium_files.written]


def generate_changes(
    premises: int,
    seed: int,
    out: Path,
    progress: Callable[[int], None],
    *,
    sources: Sources | None = None,
    most: int = MOST_RECORDS,
) -> list[WrittenFile]:
    """Write what a quarter of a year does to the premises that `generate_files` writes for the same numbers, as change-only updates: with
    changes, premises that are new and gone, merged and split ones.

    All are gone through for each of the two formats, so `progress` is told of half as many. Raises as `generate_files` does.
    """
    _check_empty(out)
    core_files, premium_files = _files(out, CHANGES)
    sites = (sources or Sources()).sites()

    def before() -> Iterator[Blpu]:
        return generate(sites, seed, premises=premises)

    def after(gone_through: int) -> Iterator[Blpu]:
        return changed(_counted(before(), lambda done: progress((gone_through + done) // 2)), seed)

    with _all_or_none(core_files, premium_files):
        core_files.add_rows(core_changes(before(), after(0)), most)
        premium_files.add_volumes(Volumes(premium_changes(before(), after(premises)), CHANGES, most))
    return [*core_files.written, *premium_files.written]


def _check_empty(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty")


def _files(out: Path, supply: Supply) -> tuple["_Files", "_Files"]:
    """Those of Core and those of Premium."""
    return _Files(out, core.NAME, "AddressBaseCore", supply), _Files(out, premium.NAME, "AddressBasePremium", supply)


@contextmanager
def _all_or_none(*several: "_Files") -> Iterator[None]:
    """Give the files their names when all are written; remove what was begun where not all can be: half a supply is of no use."""
    try:
        yield
        for files in several:
            files.close()
        for files in several:
            files.name()
    except BaseException:
        for files in several:
            files.remove()
        raise


def _to_core(made: Iterable[Blpu], files: "_Files", most: int, progress: Callable[[int], None]) -> Iterator[Blpu]:
    """Write each to Core's files in passing, as making it costs more than writing it."""
    for blpu in _counted(made, progress):
        files.add_row(writing_core.row(blpu), most)
        yield blpu


def _counted(made: Iterable[Blpu], progress: Callable[[int], None]) -> Iterator[Blpu]:
    """Tell how many have gone by."""
    done = 0
    for blpu in made:
        yield blpu
        done += 1
        if done % _STEP == 0:
            progress(done)
    progress(done)


class _Files:
    """The files of one format, one open at a time."""

    def __init__(self, out: Path, format_name: str, product: str, supply: Supply) -> None:
        self.written: list[WrittenFile] = []
        self._format = format_name
        self._stem = out / f"MADE_UP_{product}_{'COU' if supply.change_only else 'FULL'}_{supply.day}"
        self._file: TextIO | None = None
        self._records = 0
        self._begun = 0

    def add_row(self, row: Row, most: int) -> None:
        """Write one to a file that begins with the names of the columns and has room for it."""
        if self._file is None or self._records == most:
            self._begin()
            self._write(core.COLUMNS)
        self._write(row)
        self._records += 1

    def add_rows(self, rows: Iterable[Row], most: int) -> None:
        """Write them to files that begin with the names of the columns."""
        for row in rows:
            self.add_row(row, most)

    def add_volumes(self, volumes: Iterable[Iterator[Row]]) -> None:
        """Write each to a file of its own."""
        for volume in volumes:
            self._begin()
            for row in volume:
                self._write(row)
                self._records += row[0] not in AROUND

    def _begin(self) -> None:
        self.close()
        self._begun += 1
        self._records = 0
        self._file = _aside(self._path(self._begun)).open("x", encoding="utf-8", newline="")
        self._write = csv.writer(self._file, lineterminator="\n").writerow

    def close(self) -> None:
        """End the last file."""
        if self._file:
            self._file.close()
            self._file, path = None, self._path(self._begun)
            self.written.append(WrittenFile(path, self._format, self._records, _aside(path).stat().st_size))

    def name(self) -> None:
        """Give them the names that they are to have."""
        for file in self.written:
            _aside(file.path).rename(file.path)

    def remove(self) -> None:
        """Remove all that was begun."""
        if self._file:
            with suppress(OSError):
                self._file.close()
        for number in range(1, self._begun + 1):
            _aside(self._path(number)).unlink(missing_ok=True)
            self._path(number).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._stem.with_name(f"{self._stem.name}_{number:03d}.csv")


def _aside(path: Path) -> Path:
    """Where a file is while it is written, so that whoever is killed leaves no file that looks whole."""
    return path.with_name(f"{path.name}.part")
