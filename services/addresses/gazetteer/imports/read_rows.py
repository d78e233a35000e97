"""Read source files into the staged rows of an import, resume an interrupted reading, and report bad rows."""

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
    """Return a reader for each file. Raises `WrongFileError` if a format is unknown, is not `wanted`, or differs between files."""
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
    """Read every file that is not yet staged.

    Raises `WrongFileError`, after which the caller must discard the rows; OSError and sqlite3.Error, after which the same call resumes.
    `held` lists in order the UPRNs of the live release, for positions of OS Open UPRN; the function ignores all other UPRNs of Great
    Britain. None keeps every row.
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
    """Read one file; yields the number of bytes read.

    A format reader has state, such as the record counts of a volume. Resuming therefore parses the staged lines again without storing
    them again.
    """
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
            raise  # with bad rows, their reasons explain more than this error
    supply_facts = (reader.volume, reader.next_volume, reader.change_only) if isinstance(reader, Premium) else ()
    rows.add(number, _of_held(said, held), bad, Progress(line, True, *supply_facts))


def refuse_missing_volumes(files: Sequence[Progress]) -> None:
    """Raise `WrongFileError` if the previous or next volume of a supply is missing, or a full supply is mixed with changes."""
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
    """Return the incoming records of a row, or the reason why the row is bad; the reason is empty for a good row."""
    if row.fields is None:
        return (), row.reason
    try:
        return tuple(read(row.fields)), ""  # a lazy iterator would raise outside this try
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
    """Write a CSV of bad rows by file and line, and of UPRNs whose rows do not fit together, with reasons and without addresses."""
    aside = path.with_suffix(".part")
    with aside.open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out)
        table.writerow(("file", "line", "uprn", "reason"))
        table.writerows((as_text(files[row.file].name), row.line, "", as_text(row.reason)) for row in bad)
        table.writerows(("", "", uprn, reason) for uprn, reason in premises)
    aside.replace(path)


def shown(files: Sequence[ImportFile], bad: Iterable[BadRow]) -> list[str]:
    """Format bad rows for an operator: file, line and reason."""
    return [f"{files[row.file].name}, line {row.line}: {row.reason}" for row in bad]
