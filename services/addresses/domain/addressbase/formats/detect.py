"""Detects the format of a file from its first rows."""

from collections.abc import Callable, Sequence

from services.addresses.domain.addressbase.incoming import Format, Op, PostcodeFormat, WrongFileError

from . import code_point_open as code_point
from . import core, onspd, open_uprn, premium
from .premium_records import HEADER, LAYOUTS, METADATA, TRAILER

_READERS: dict[str, Callable[[], Format | PostcodeFormat]] = {
    core.NAME: core.Core,
    premium.NAME: premium.Premium,
    open_uprn.NAME: open_uprn.OpenUprn,
    onspd.NAME: onspd.Onspd,
    code_point.NAME: code_point.CodePoint,
}
_TABLES = {core.NAME: core, open_uprn.NAME: open_uprn, code_point.NAME: code_point}
"""The formats in which every row has the same columns."""
NAMES = tuple(_READERS)
"""The values of `--format`."""
ROWS_ENOUGH = 20
"""Number of first rows that suffice to detect a format; a shorter file needs only its own."""
_OTHER_FILES = (
    (b"PK\x03\x04", "a zip file: unpack it first"),
    (b"\x1f\x8b", "compressed by gzip: unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip file: unpack it first"),
    (b"SQLite format 3", "a database (GeoPackage): take the CSV instead"),
    (b"%PDF", "a PDF"),
    (b"\xff\xfe", "in UTF-16, not in UTF-8"),
    (b"\xfe\xff", "in UTF-16, not in UTF-8"),
    (b"<?xml", "XML (GML): take the CSV instead"),
    (b"<!doctype html", "a web page: the download failed or needs signing in"),
    (b"<html", "a web page: the download failed or needs signing in"),
    (b"{", "JSON, not CSV"),
    (b"[", "JSON, not CSV"),
)
_CHANGES = frozenset(map(str, Op))
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def refuse_other_files(head: bytes) -> None:
    """Checks the first 1,000 or so bytes of a file.

    Raises `WrongFileError` with the kind of the file if it is not CSV in UTF-8: a zip, a web page, UTF-16, an empty file.
    """
    begins = head.removeprefix(_BYTE_ORDER_MARK).lstrip().lower()
    if not begins:
        raise WrongFileError("it is empty")
    for start, what in _OTHER_FILES:
        if head.startswith(start) or begins.startswith(start.lower()):
            raise WrongFileError(f"it is {what}")
    if b"\0" in head:
        raise WrongFileError("it is binary or in UTF-16, not text in UTF-8")


def detect_format(first_rows: Sequence[Sequence[str]], wanted_name: str | None = None) -> Format | PostcodeFormat:
    """Returns a new reader for the file that begins with these rows; the caller passes them to the reader again.

    The reader is a `Format` (addresses: core, premium, open-uprn) or a `PostcodeFormat` (onspd, code-point).

    Raises `WrongFileError` if the rows are of no known format, of two formats, or of another format than the wanted one. Raises
    ValueError for a name that is not one of `NAMES`.
    """
    if wanted_name is not None and wanted_name not in NAMES:
        raise ValueError(f"{wanted_name!r} is not one of {', '.join(NAMES)}")
    rows = [row for row in first_rows if row]
    if not rows:
        raise WrongFileError("it is empty")
    refuse_other_files(",".join(rows[0]).encode("utf-8", "replace"))
    found = [onspd.NAME] if onspd.is_header(rows[0]) else _by_header(rows[0]) or _forms(rows)
    if len(found) > 1:
        raise WrongFileError(f"it has rows of {' and of '.join(found)} in one: import each by itself")
    if wanted_name is not None and found != [wanted_name]:
        raise WrongFileError(f"it is not {wanted_name}: it looks like {found[0]}" if found else f"it does not look like {wanted_name}")
    if not found:
        raise WrongFileError(f"it is in none of the formats {', '.join(NAMES)}: {_least_fault(rows)}")
    return _READERS[found[0]]()


def _by_header(row: Sequence[str]) -> list[str]:
    """Returns the format whose columns a header row names in an order of its own; nothing for the specification's order.

    Raises `WrongFileError` if a header fits a format only in part.
    """
    for name, format_ in _TABLES.items():
        if order := format_.HEADER.order(row):
            return [] if order == tuple(range(len(order))) else [name]
    return []


def _least_fault(rows: list[Sequence[str]]) -> str:
    """Returns the fault of the first row against the format with as many columns, else its number of columns."""
    first = next((row for row in rows if not row[0].isalpha()), rows[0])
    for name, format_ in _TABLES.items():
        if len(first) == len(format_.LAYOUT) and (fault := format_.LAYOUT.fault(first)):
            return f"it has as many columns as {name}, but of its first row {fault}"
    return f"its first row has {len(rows[0])} columns"


def _forms(rows: list[Sequence[str]]) -> list[str]:
    """Returns the formats of the rows, each once."""
    return list(dict.fromkeys(name for row in rows if (name := _form(row))))


def _form(row: Sequence[str]) -> str | None:
    """Returns the format of a row, by its number of columns and the values of its distinctive columns; None for no known format."""
    first = row[0].lstrip("\ufeff")
    if (first, len(row)) in LAYOUTS and row[1] in _CHANGES:
        return premium.NAME
    if first in (HEADER, METADATA, TRAILER) and len(row) in (9, 17, 5) and not open_uprn.LAYOUT.fits(row):
        return premium.NAME
    if core.HEADER.order(row) or (len(row) == len(core.LAYOUT) and row[-1] in _CHANGES):
        return core.NAME
    if open_uprn.HEADER.order(row) or open_uprn.LAYOUT.fits(row):
        return open_uprn.NAME
    if code_point.HEADER.order(row) or (
        len(row) == len(code_point.LAYOUT) and code_point.LAYOUT.columns[0].kind.fault(first.upper()) is None
    ):
        return code_point.NAME
    return None
