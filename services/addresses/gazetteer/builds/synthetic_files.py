"""Writes files of made-up premises in AddressBase's formats, to test imports and searches with as many addresses as London has."""

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
"""Header of the files; its day is that of the made-up premises' last update, so that equal seeds give equal bytes."""
CHANGES = replace(MADE_UP, day=CHANGED_ON, change_only=True)
_STEP = 1_000
"""Premises between two reports of progress."""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that was written."""

    path: Path
    format: str
    """Format name of `blocks addresses import --format`."""
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
    """Write made-up premises on London's postcodes into `out`, as AddressBase Core and Premium, at most `most` records per file. File
    names, header and UPRN range mark them as made up. Equal seeds give equal bytes.

    `progress` receives the number of premises written. Raises ValueError for more premises than the postcodes hold, FileExistsError if
    `out` is not empty, OSError if the disk rejects a write; an error removes all files.
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
    """Write a quarter's change-only updates to the premises that `generate_files` writes for equal arguments: changed, new, retired, merged
    and split premises.

    Each of the two formats generates all premises, so `progress` counts each pass as half. Raises the errors of `generate_files`.
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
    """Return the files of Core and those of Premium."""
    return _Files(out, core.NAME, "AddressBaseCore", supply), _Files(out, premium.NAME, "AddressBasePremium", supply)


@contextmanager
def _all_or_none(*several: "_Files") -> Iterator[None]:
    """Name the files when all are complete; remove them after an error, because half a supply is useless."""
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
    """Write each premises to Core's files and yield it, because generating it again would cost more."""
    for blpu in _counted(made, progress):
        files.add_row(writing_core.row(blpu), most)
        yield blpu


def _counted(made: Iterable[Blpu], progress: Callable[[int], None]) -> Iterator[Blpu]:
    """Report how many premises have passed."""
    done = 0
    for blpu in made:
        yield blpu
        done += 1
        if done % _STEP == 0:
            progress(done)
    progress(done)


class _Files:
    """The files of one format, of which one is open at a time."""

    def __init__(self, out: Path, format_name: str, product: str, supply: Supply) -> None:
        self.written: list[WrittenFile] = []
        self._format = format_name
        self._stem = out / f"MADE_UP_{product}_{'COU' if supply.change_only else 'FULL'}_{supply.day}"
        self._file: TextIO | None = None
        self._records = 0
        self._begun = 0

    def add_row(self, row: Row, most: int) -> None:
        """Write a row, starting a new file with column names when the current one is full."""
        if self._file is None or self._records == most:
            self._begin()
            self._write(core.COLUMNS)
        self._write(row)
        self._records += 1

    def add_rows(self, rows: Iterable[Row], most: int) -> None:
        """Write rows to files that begin with the column names."""
        for row in rows:
            self.add_row(row, most)

    def add_volumes(self, volumes: Iterable[Iterator[Row]]) -> None:
        """Write each volume to a file of its own."""
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
        """Close the current file."""
        if self._file:
            self._file.close()
            self._file, path = None, self._path(self._begun)
            self.written.append(WrittenFile(path, self._format, self._records, _aside(path).stat().st_size))

    def name(self) -> None:
        """Rename the files to their final names."""
        for file in self.written:
            _aside(file.path).rename(file.path)

    def remove(self) -> None:
        """Remove all files, complete or not."""
        if self._file:
            with suppress(OSError):
                self._file.close()
        for number in range(1, self._begun + 1):
            _aside(self._path(number)).unlink(missing_ok=True)
            self._path(number).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._stem.with_name(f"{self._stem.name}_{number:03d}.csv")


def _aside(path: Path) -> Path:
    """Return the name of an unfinished file, so that a killed process leaves none that looks complete."""
    return path.with_name(f"{path.name}.part")
