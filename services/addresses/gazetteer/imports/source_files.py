"""The source files of an import, read in batches of lines: plain, compressed with gzip, or members of a ZIP.

One line is one row. A bad row (not UTF-8, control characters, broken quotes) is counted and left out. A file that is cut off,
damaged or in another encoding raises `WrongFileError`.
"""

import csv
import gzip
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, NamedTuple, cast

from services.addresses.domain.addressbase.formats.premium_records import TRAILER, TRAILER_LAYOUT
from services.addresses.domain.addressbase.incoming import WrongFileError

_COMPARED = 200
"""Number of first lines with which a last line without a line end is compared."""
LINES = 2_000
"""Lines in a batch."""
_CHUNK = 1 << 20
_LONGEST_LINE = 1 << 20
_GZIP, _ZIP, _UTF_8_BOM = b"\x1f\x8b", b"PK\x03\x04", b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NUMBERS = re.compile(r"([0-9]+)")
_TABLES = (".csv", ".txt")
_PACKED = (".zip", ".gz", ".7z", ".tar", ".bz2", ".xz", ".tgz")
_ABOUT_FOLDERS = re.compile(r"docs?|documents?|documentation|user[ _-]?guides?|metadata|lookups?", re.IGNORECASE)
_ABOUT_FILES = re.compile(r".*(?:read[ _-]?me|licen[cs]e|metadata|column[ _-]?headers|user[ _-]?guide).*", re.IGNORECASE)
_IN_PARTS = "multi_csv"
"""Folder of ONSPD that repeats its single file in several parts."""


class Row(NamedTuple):
    """One line of a file."""

    line: int
    """Counted from 1."""
    fields: list[str] | None
    """None if the line is not a valid row."""
    reason: str = ""
    """Why the line is invalid, in plain words."""


@dataclass(frozen=True, slots=True)
class ImportFile:
    """One table of rows: a file, or a member of a ZIP."""

    path: Path
    sha256: str
    """Hash of the uncompressed content, which identifies the same rows in any packing."""
    bytes: int
    """Uncompressed size."""
    member: str = ""

    @property
    def name(self) -> str:
        """File name for messages. It omits folders, because their names may identify people."""
        return f"{self.path.name}/{self.member}" if self.member else self.path.name

    def batches(self) -> Iterator[tuple[list[Row], int]]:
        """Yield up to `LINES` rows at a time, with the uncompressed bytes read so far. Raises `WrongFileError`, OSError."""
        with closing(_opened(self.path, self.member)) as stream:
            line = read = 0
            while lines := _lines(stream, self.name):
                if line == 0:
                    lines[0] = lines[0].removeprefix(_UTF_8_BOM)
                read += sum(map(len, lines))
                yield _rows(lines, line + 1), read
                line += len(lines)

    def first_rows(self, count: int) -> list[list[str]]:
        """Return the fields of the first valid rows, at most `count` or one batch. Raises `WrongFileError`, OSError."""
        batch, _ = next(self.batches(), ([], 0))
        return [row.fields for row in batch if row.fields is not None][:count]


def gather(paths: Sequence[Path], at: Callable[[int], None] = lambda _: None) -> list[ImportFile]:
    """List the tables of the files in the order in which they apply: by name, with numbers in a name compared by value.

    Reads every byte once to hash and check it; calls `at` with the bytes done, as stored on the disk. Raises `WrongFileError` for a file
    that is empty, cut off, damaged, in UTF-16, or a repetition of another; OSError.
    """
    members = [(path, member) for path in paths for member in _members(path)]
    members.sort(key=lambda each: (_in_order(each[0].name), _in_order(each[1])))
    files: dict[str, ImportFile] = {}
    done = 0
    for number, (path, member) in enumerate(members):
        file = _measured(path, member)
        if number + 1 == len(members) or members[number + 1][0] != path:
            done += path.stat().st_size
            at(done)
        if file.sha256 in files:
            raise WrongFileError(f"{file.name} and {files[file.sha256].name} hold the same rows: give each file once")
        files[file.sha256] = file
    return list(files.values())


def _in_order(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isascii() and part.isdigit() else (-1, part) for part in _NUMBERS.split(name) if part]


def _members(path: Path) -> list[str]:
    """List the tables in a ZIP; `['']` stands for a file that is no ZIP."""
    if not (names := _in_zip(path)):
        return [""]
    there = [name for name in names if not _is_about(name)]
    packed = [name for name in there if name.lower().endswith(_PACKED)]
    if packed:
        raise WrongFileError(f"{path.name} holds {packed[0]}, which is packed again: unpack {path.name} and give what is in it")
    tables = [name for name in there if name.lower().endswith(_TABLES)]
    if not tables:
        raise WrongFileError(f"{path.name} is a ZIP file that holds no {' or '.join(_TABLES)} file")
    return [name for name in tables if not _is_in_parts(name)] or tables


def passed_over(paths: Sequence[Path]) -> list[str]:
    """List the CSV and text members of ZIPs that an import ignores: documentation, and parts of a table that is also there whole.

    Raises as `gather` does.
    """
    return [
        f"{path.name}/{name}"
        for path in paths
        for name in sorted({*_in_zip(path)} - {*_members(path)})
        if name.lower().endswith(_TABLES) and not name.startswith("__MACOSX")
    ]


def _in_zip(path: Path) -> list[str]:
    """List the names of a ZIP's members; empty for any other file."""
    with path.open("rb") as file:
        if file.read(4) != _ZIP:
            return []
    try:
        with zipfile.ZipFile(path) as archive:
            return [name for name in archive.namelist() if not name.endswith("/")]
    except zipfile.BadZipFile as error:
        raise WrongFileError(f"{path.name} is a damaged or cut off ZIP file") from error


def _is_about(name: str) -> bool:
    """Return whether a member is documentation, by its name or a folder's, or macOS metadata."""
    *folders, own = name.split("/")
    return name.startswith("__MACOSX") or any(map(_ABOUT_FOLDERS.fullmatch, folders)) or bool(_ABOUT_FILES.fullmatch(own))


def _is_in_parts(name: str) -> bool:
    return _IN_PARTS in name.lower().split("/")


def _measured(path: Path, member: str) -> ImportFile:
    """Read a file once for its hash and size, and check its encoding and its last row."""
    name = f"{path.name}/{member}" if member else path.name
    digest, size, first, before, last = sha256(), 0, b"", b"", b""
    with closing(_opened(path, member)) as stream:
        while chunk := _read(stream, name):
            if size == 0 and chunk.startswith(_UTF_16):
                raise WrongFileError(f"{name} is in UTF-16: save it as UTF-8")
            digest.update(chunk)
            size += len(chunk)
            first, before, last = first or chunk, last, chunk
    if not size:
        raise WrongFileError(f"{name} is empty")
    if not last.endswith(b"\n") and not _is_whole((before + last).rpartition(b"\n")[2], first.split(b"\n")[:_COMPARED]):
        raise WrongFileError(f"{name} is cut off: its last row is shorter than the others and does not end with a line end")
    return ImportFile(path, digest.hexdigest(), size, member)


def _is_whole(last: bytes, others: Sequence[bytes]) -> bool:
    """Guess whether a last row without a line end is complete.

    It is complete if most others have as many columns and its last column is no shorter than their shortest. The trailer of an
    AddressBase Premium volume is complete if it fits its layout and ends with a time of day.
    """
    row = _row(last, 1).fields
    if not row:
        return False
    if row[0] == TRAILER:
        return TRAILER_LAYOUT.fits(row) and len(row[-1]) == len("HH:MM:SS")
    compared = [fields for line in others if line != last and (fields := _row(line.rstrip(b"\r"), 1).fields)]
    alike = [fields for fields in compared if len(fields) == len(row)]
    return 2 * len(alike) > len(compared) and len(row[-1]) >= min(len(fields[-1]) for fields in alike)


def _opened(path: Path, member: str) -> IO[bytes]:
    if member:
        try:
            return zipfile.ZipFile(path).open(member)
        except (RuntimeError, NotImplementedError) as error:  # a password; an unsupported compression
            raise WrongFileError(f"{path.name} cannot be unpacked here ({error}): unpack it first") from error
    with path.open("rb") as file:
        compressed = file.read(2) == _GZIP
    return cast("IO[bytes]", gzip.open(path)) if compressed else path.open("rb")


def _read(stream: IO[bytes], name: str) -> bytes:
    try:
        return stream.read(_CHUNK)
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise WrongFileError(f"{name} is cut off or damaged: it does not decompress to its end") from error


def _lines(stream: IO[bytes], name: str) -> list[bytes]:
    try:
        lines = [line for _ in range(LINES) if (line := stream.readline(_LONGEST_LINE))]
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
        raise WrongFileError(f"{name} is cut off or damaged: it does not decompress to its end") from error
    if any(len(line) == _LONGEST_LINE for line in lines):
        raise WrongFileError(f"{name} has a line of more than {_LONGEST_LINE:,} bytes: it is no table of addresses")
    return lines


def _rows(lines: list[bytes], first: int) -> list[Row]:
    """Parse all lines at once if all are valid, or else one by one to find the bad ones."""
    whole = b"".join(lines)
    if not _CONTROL.search(whole):
        try:
            parsed = list(csv.reader(whole.decode().split("\n")[:-1] if whole.endswith(b"\n") else [], strict=True))
        except (UnicodeDecodeError, csv.Error):
            parsed = []
        if len(parsed) == len(lines):
            return [Row(line, fields) for line, fields in enumerate(parsed, first)]
    return [_row(content, line) for line, content in enumerate(lines, first)]


def _row(content: bytes, line: int) -> Row:
    if _CONTROL.search(content):
        return Row(line, None, "it holds control characters")
    try:
        return Row(line, next(csv.reader([content.decode()], strict=True)))
    except UnicodeDecodeError:
        return Row(line, None, "it is not UTF-8")
    except csv.Error:
        return Row(line, None, "its quotes or line ends are broken")
