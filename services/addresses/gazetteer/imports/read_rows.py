"""Read files into the rows of an import, going on where an earlier try ended; and say which rows could not be used."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from services.addresses.domain.addressbase.formats.detect import ROWS_ENOUGH, detect_format
from services.addresses.domain.addressbase.formats.premium import Premium
from services.addresses.domain.addressbase.incoming import BadRowError, EmptyFileError, Format, Incoming, PostcodeFormat, WrongFileError
from services.addresses.domain.csv_cells import as_text
from services.addresses.gazetteer.files.columns import Column
from services.addresses.gazetteer.progress import Watch

from .source_files import ImportFile, Row
from .staging import BadRow, Progress, Rows

LINES_A_COMMIT = 10_000
OPEN_UPRN = "open-uprn"


def readers(files: Sequence[ImportFile], wanted: str | None) -> list[Format | PostcodeFormat]:
    """A reader for each file. Raises `WrongFileError` where one is of no known format, or they are not all of one."""
    found: list[Format | PostcodeFormat] = []
    for file in files:
        try:
            found.append(detect_format(file.first_rows(ROWS_ENOUGH), wanted))
        except WrongFileError as error:
            raise WrongFileError(f"{file.name}: {error}") from error
        if found[-1].name != found[0].name:
            raise WrongFileError(
                f"{file.name} is {found[-1].name} and {files[0].name} is {found[0].name}: give the files of one format at a time"
            )
    return found


def read(files: Sequence[ImportFile], formats: Sequence[Format], rows: Rows, watch: Watch, held: Column | None) -> None:
    """Read every file that is not in yet. Raises `WrongFileError`, after which the rows are worthless; OSError and sqlite3.Error,
    after which the same call goes on.

    `held` are the UPRNs to which positions of OS Open UPRN may belong; those of others, which are most of Great Britain's, are passed over.
    """
    watch.step("reading", sum(file.bytes for file in files), "bytes")
    before = 0
    for number, (file, reader) in enumerate(zip(files, formats, strict=True)):
        if not rows.progress(number).done:
            try:
                for read_bytes in _read(number, file, reader, rows, held):
                    watch.at(before + read_bytes)
            except WrongFileError as error:
                raise WrongFileError(f"{file.name}: {error}") from error
        before += file.bytes
        watch.at(before)


def _read(number: int, file: ImportFile, reader: Format, rows: Rows, held: Column | None) -> Iterator[int]:
    """One file; yields how many bytes are read. A reader keeps account of its file, so lines that are in are read again, but not kept
    again."""
    kept = rows.progress(number).line
    said: list[tuple[int, Incoming]] = []
    bad: list[BadRow] = []
    line = unusable = 0
    for batch, read_bytes in file.batches():
        for row in batch:
            found, reason = understood(reader.read, row)
            unusable += bool(reason)
            if row.line > kept:
                said += ((row.line, each) for each in found)
                if reason:
                    bad.append(BadRow(number, row.line, reason))
        line = batch[-1].line
        if line - kept >= LINES_A_COMMIT:
            rows.add(number, _of_held(said, held), bad, Progress(line))
            kept, said, bad = line, [], []
        yield read_bytes
    try:
        reader.end()
    except EmptyFileError:
        if not unusable:
            raise  # else the rows' reasons say more
    supply_facts = (reader.volume, reader.next_volume, reader.change_only) if isinstance(reader, Premium) else ()
    rows.add(number, _of_held(said, held), bad, Progress(line, True, *supply_facts))


def refuse_missing_volumes(files: Sequence[Progress]) -> None:
    """Raises `WrongFileError` where a volume of a supply lacks the one before or after it, or changes come with a full supply."""
    there = {file.volume for file in files}
    following = {file.next_volume for file in files}
    for file in files:
        if file.volume and file.volume > 1 and file.volume not in following:
            raise WrongFileError(f"volume {file.volume} came without volume {file.volume - 1}: give all volumes of a supply at once")
        if file.next_volume and file.next_volume not in there:
            raise WrongFileError(f"volume {file.next_volume} is missing: give all volumes of a supply at once")
    if {file.change_only for file in files} >= {True, False}:
        raise WrongFileError("some files are a full supply and some hold changes only: import one after the other")


def understood(read: Callable[[Sequence[str]], Iterable[Incoming]], row: Row) -> tuple[Iterable[Incoming], str]:
    """What a row says, or why it says nothing."""
    if row.fields is None:
        return (), row.reason
    try:
        return tuple(read(row.fields)), ""  # all of it: what is read lazily fails late
    except BadRowError as error:
        return (), str(error)


def _of_held(said: list[tuple[int, Incoming]], held: Column | None) -> list[tuple[int, Incoming]]:
    if held is None or not said:
        return said
    keys = np.array([row.key for _, row in said], np.uint64)
    at = np.minimum(held.searchsorted(keys), max(len(held) - 1, 0))
    there = held[at] == keys if len(held) else np.zeros(len(keys), bool)
    return [row for row, is_held in zip(said, there.tolist(), strict=True) if is_held]


def write_bad_rows(path: Path, files: Sequence[ImportFile], bad: Iterable[BadRow], premises: Iterable[tuple[int, str]]) -> None:
    """Write them as CSV: file and line, or a UPRN whose rows do not fit together; and why. No address is in it."""
    aside = path.with_suffix(".part")
    with aside.open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out)
        table.writerow(("file", "line", "uprn", "reason"))
        table.writerows((as_text(files[row.file].name), row.line, "", as_text(row.reason)) for row in bad)
        table.writerows(("", "", uprn, reason) for uprn, reason in premises)
    aside.replace(path)


def shown(files: Sequence[ImportFile], bad: Iterable[BadRow]) -> list[str]:
    """Bad rows as an operator reads them."""
    return [f"{files[row.file].name}, line {row.line}: {row.reason}" for row in bad]
