"""Validates the columns of a row and gives the reason for an invalid one.

One regular expression, joined from the kinds of the columns, checks a whole row at about the cost of parsing it. Only an invalid row is
checked column by column. No reason quotes the value of a column: it may be an address.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from services.addresses.domain.addressbase.incoming import WrongFileError

_SEPARATOR = "\x1f"
"""Joins the columns for the check of a row; as a control character it occurs in none."""
_DAY = (
    r"(?:1[6-9]|2[0-9])(?:[0-9]{2}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"|(?:[02468][48]|[13579][26]|[2468]0)-02-29)|(?:16|20|24|28)00-02-29"
)
_PRINTED = r"[^\x00-\x1f\x7f-\x9f]"
"""Any character except control characters."""
_NOT_PRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NOT_DECODED = re.compile(r"[\ud800-\udfff\ufffd]")
"""Characters that the decoder puts in place of bytes that are not UTF-8."""
_POSTCODE = "[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}|GIR ?0AA"
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]-?[0-9]{1,2})?", re.ASCII)
_ROUNDED = re.compile(r"[0-9](?:\.[0-9]*)?[eE]\+?[0-9]{1,2}", re.ASCII)
"""A number that a spreadsheet shortened to the width of its column: the last digits are lost."""
_PLACEHOLDERS = ("NULL", "(NULL)", "<NULL>", r"\N", "N/A", "#N/A", "NONE", "-", "--")
"""Texts that databases and spreadsheets write for an empty value."""
_PLACEHOLDER = re.compile(rf"{_SEPARATOR} *(?:{'|'.join(map(re.escape, _PLACEHOLDERS))}) *(?={_SEPARATOR})", re.IGNORECASE)


class Kind(NamedTuple):
    """The values that a column accepts: a regular expression without groups, and the reason for refusing other values."""

    pattern: str
    reason: str
    numeric: bool = False
    """True for a number within bounds; `reason` then refuses a number out of bounds."""
    capitals: bool = False
    """True for a code in capitals; small letters then mean the same."""

    def or_nothing(self) -> "Kind":
        """Returns the kind that also accepts an empty column."""
        return self._replace(pattern=f"(?:{self.pattern})?")

    def fault(self, value: str) -> str | None:
        """Returns the reason for refusing a value, None if the value is valid."""
        if re.fullmatch(self.pattern, value) and not _NOT_DECODED.search(value):
            return None
        if not value:
            return "is missing"
        if _NOT_PRINTED.search(value):
            return "holds a control character"
        if _NOT_DECODED.search(value):
            return "holds bytes that are not UTF-8"
        if _ROUNDED.fullmatch(value):
            return "was rounded by a spreadsheet (written like 9.99E+11): export that column as text"
        return "is not a number" if self.numeric and not _NUMBER.fullmatch(value) else self.reason


def one_of(*codes: str) -> Kind:
    """Makes the kind of a list of codes."""
    return Kind("|".join(codes), f"is not one of the codes {', '.join(codes)}")


def text(most: int, least: int = 0) -> Kind:
    """Makes the kind of printable text of `least` to `most` characters."""
    return Kind(f"{_PRINTED}{{{least},{most}}}", f"is longer than {most} characters")


def digits(most: int) -> Kind:
    """Makes the kind of a whole number of at most `most` digits."""
    return Kind(f"[0-9]{{1,{most}}}", f"is not 1 to {most} digits")


UPRN = Kind("0{0,20}[1-9][0-9]{0,11}", "is not 1 to 12 digits")
USRN = Kind("0{0,20}[1-9][0-9]{0,7}", "is not 1 to 8 digits")
UDPRN = Kind("0{0,20}[1-9][0-9]{0,8}", "is not 1 to 9 digits")
"""Royal Mail's UDPRNs have eight digits, synthetic ones nine."""
KEY = Kind("[0-9A-Za-z]{1,14}", "is not 1 to 14 letters and digits")
DATE = Kind(f"(?:{_DAY})?", "is not a date (YYYY-MM-DD)")
"""Accepts an empty column: the specification demands dates, but a search does not need them."""
POSTCODE = Kind(_POSTCODE, "is not a postcode", capitals=True)
GSS = Kind("[A-Z][0-9]{8}", "is not a GSS code", capitals=True)
MONTH = Kind("(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])", "is not a month (YYYYMM)")
NUMBER = Kind(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)", "is not a number")
_OFF_GRID = "is outside Great Britain's grid"
EASTING = Kind(r"[0-6]?[0-9]{1,5}(?:\.[0-9]*)?|700000(?:\.0*)?", _OFF_GRID, numeric=True)
NORTHING = Kind(r"(?:[0-9]|1[0-2][0-9])?[0-9]{1,5}(?:\.[0-9]*)?|1300000(?:\.0*)?", _OFF_GRID, numeric=True)
LATITUDE = Kind(r"(?:49|5[0-9]|60)(?:\.[0-9]*)?|61(?:\.0*)?", "is outside Great Britain", numeric=True)
LONGITUDE = Kind(
    r"(?:-[0-8]|[01])(?:\.[0-9]*)?|-?\.[0-9]+|-?[0-9](?:\.[0-9]*)?[eE]-0?[1-9]|(?:-9|2)(?:\.0*)?", "is outside Great Britain", numeric=True
)
"""Near the prime meridian, which crosses London, some programs omit the zero (`-.0772326`) or write `-5e-05`."""


class Column(NamedTuple):
    """A column under its name in the specification."""

    name: str
    kind: Kind


class Layout:
    """The columns of one kind of row."""

    def __init__(self, *columns: Column) -> None:
        self.columns = columns
        self._capitals = [at for at, column in enumerate(columns) if column.kind.capitals]
        self._matches = re.compile(_SEPARATOR.join(f"(?:{column.kind.pattern})" for column in columns)).fullmatch

    def __len__(self) -> int:
        return len(self.columns)

    def fits(self, row: Sequence[str]) -> bool:
        """Tells whether a row is valid as it stands."""
        joined = _SEPARATOR.join(row)
        return self._matches(joined) is not None and (joined.isascii() or not _NOT_DECODED.search(joined))

    def understood(self, row: Sequence[str]) -> tuple[Sequence[str], bool]:
        """Returns the normalised row and whether it is valid. Empties placeholders such as `NULL`, and puts codes in capitals."""
        if _PLACEHOLDER.search(f"{_SEPARATOR}{_SEPARATOR.join(row)}{_SEPARATOR}"):
            row = ["" if value.strip().upper() in _PLACEHOLDERS else value for value in row]
        if self.fits(row) or len(row) != len(self):
            return row, len(row) == len(self)
        meant = list(row)
        for at in self._capitals:
            meant[at] = meant[at].upper()
        return (meant, True) if self.fits(meant) else (row, False)

    def fault(self, row: Sequence[str], wanted: Sequence[int] | None = None) -> str | None:
        """Returns the reason for refusing a row, or only its `wanted` columns (counted from 0); None if they are valid."""
        if len(row) != len(self):
            return f"it has {len(row)} columns, not {len(self)}"
        for at in range(len(row)) if wanted is None else wanted:
            if fault := self.columns[at].kind.fault(row[at]):
                return f"column {at + 1} ({self.columns[at].name}) {fault}"
        return None


class Header:
    """The column names of a format; a header row of these names gives the order of the columns in a file."""

    def __init__(self, product: str, *namings: Sequence[str]) -> None:
        """Takes one or more sets of column names, each in the order of the specification."""
        self._product, self._namings = product, [tuple(map(_plain, names)) for names in namings]
        self._first = frozenset(name for names in self._namings for name in names)

    def order(self, row: Sequence[str]) -> tuple[int, ...] | None:
        """Returns the index of each column of the specification in the rows that follow; None if the row is not a header.

        Raises `WrongFileError` if the header repeats or lacks a column, or has an unknown one.
        """
        if not row or _plain(row[0]) not in self._first:
            return None
        written = [_plain(name) for name in row]
        names = max(self._namings, key=lambda each: len({*each} & {*written}))
        if 2 * len({*names} & {*written}) <= len(names):
            return None
        if sorted(written) == sorted(names):
            return tuple(map(written.index, names))
        missing, unknown = [name for name in names if name not in written], [name for name in written if name not in names]
        faults = [f"lacks {', '.join(missing)}"] if missing else []
        faults += [f"has {', '.join(repr(name) for name in unknown)}, which the format does not"] if unknown else []
        raise WrongFileError(f"its header is not that of {self._product}: it {' and '.join(faults or ['names a column twice'])}")


def _plain(name: str) -> str:
    return name.strip().lstrip("\ufeff").lower()


def in_order(row: Sequence[str], order: Sequence[int] | None) -> Sequence[str]:
    """Returns a row's columns in the specification's order. Leaves a row of another length unchanged, so that its length is refused."""
    return row if order is None or len(row) != len(order) else [row[at] for at in order]
