"""Files of made-up premises in AddressBase's formats, to try imports, searches and machines with as many addresses as London has."""

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TextIO

from services.addresses.adapters.sources import Sources
from services.addresses.domain.formats import core, premium, writing_core
from services.addresses.domain.formats.writing_premium import MOST_RECORDS, Row, Supply, Volumes, full_supply
from services.addresses.domain.generation import generate
from services.addresses.domain.records import Blpu

MADE_UP = Supply("MADE UP ADDRESSES", date(2025, 9, 1))
"""What their header says; the day is that of the made-up premises' last update, so that the same seed gives the same bytes."""
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
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty")
    core_files = _Files(out, core.NAME, "AddressBaseCore", around=1)
    premium_files = _Files(out, premium.NAME, "AddressBasePremium", around=3)
    try:
        made = generate((sources or Sources()).sites(), seed, premises=premises)
        for volume in Volumes(full_supply(_to_core(made, core_files, most, progress)), MADE_UP, most):
            premium_files.begin()
            for row in volume:
                premium_files.add(row)
        premium_files.close()
        core_files.close()
    except BaseException:
        core_files.remove()
        premium_files.remove()
        raise
    return [*core_files.written, *premium_files.written]


def _to_core(made: Iterable[Blpu], files: "_Files", most: int, progress: Callable[[int], None]) -> Iterator[Blpu]:
    """Write each to Core's files in passing, as making it costs more than writing it."""
    done = 0
    for blpu in made:
        if done % most == 0:
            files.begin()
            files.add(core.COLUMNS)
        files.add(writing_core.row(blpu))
        done += 1
        if done % _STEP == 0:
            progress(done)
        yield blpu
    progress(done)


class _Files:
    """The files of one format, one open at a time."""

    def __init__(self, out: Path, format_name: str, product: str, around: int) -> None:
        self.written: list[WrittenFile] = []
        self._out, self._format, self._product = out, format_name, product
        self._around = around
        """Rows of a file that are no records."""
        self._file: TextIO | None = None
        self._rows = 0
        self._begun = 0

    def begin(self) -> None:
        """End the last file, begin the next."""
        self.close()
        self._begun += 1
        self._file = self._path(self._begun).open("x", encoding="utf-8", newline="")
        self._write = csv.writer(self._file, lineterminator="\n").writerow
        self._rows = 0

    def add(self, row: Row) -> None:
        self._write(row)
        self._rows += 1

    def close(self) -> None:
        """End the last file."""
        if self._file:
            self._file.close()
            self._file, path = None, self._path(self._begun)
            self.written.append(WrittenFile(path, self._format, self._rows - self._around, path.stat().st_size))

    def remove(self) -> None:
        """Remove what was begun: half a supply is of no use."""
        if self._file:
            with suppress(OSError):
                self._file.close()
        for number in range(1, self._begun + 1):
            self._path(number).unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self._out / f"MADE_UP_{self._product}_FULL_{MADE_UP.day}_{number:03d}.csv"
