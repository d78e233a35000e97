"""What may stand in the columns of a row, and what to say of a row that does not fit.

A row is checked as a whole by one regular expression made of its columns' kinds, which costs about as much as parsing it; only a row that
does not fit is looked at column by column. No reason holds what stood in the column: it may be an address.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

_SEPARATOR = "\x1f"
"""Stands between the columns while a row is checked; as a control character it is part of none."""
_DAY = (
    r"(?:1[6-9]|2[0-9])(?:[0-9]{2}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"|(?:[02468][48]|[13579][26]|[2468]0)-02-29)|(?:16|20|24|28)00-02-29"
)
_PRINTED = r"[^\x00-\x1f\x7f-\x9f]"
"""No control character."""
_NOT_PRINTED = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NOT_DECODED = re.compile(r"[\ud800-\udfff\ufffd]")
"""What stands for bytes that were not UTF-8."""
_POSTCODE = "[A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2}|GIR ?0AA"
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?", re.ASCII)


class Kind(NamedTuple):
    """What may stand in a column: a regular expression without groups, and what is wrong with a value that does not fit."""

    pattern: str
    reason: str
    numeric: bool = False
    """Whether it is a number within bounds; the reason is for one out of bounds."""

    def or_nothing(self) -> "Kind":
        """The same, or an empty column."""
        return self._replace(pattern=f"(?:{self.pattern})?")

    def fault(self, value: str) -> str | None:
        """What is wrong with a value, None where it fits."""
        if re.fullmatch(self.pattern, value) and not _NOT_DECODED.search(value):
            return None
        if not value:
            return "is missing"
        if _NOT_PRINTED.search(value):
            return "holds a control character"
        if _NOT_DECODED.search(value):
            return "holds bytes that are not UTF-8"
        return "is not a number" if self.numeric and not _NUMBER.fullmatch(value) else self.reason


def one_of(*codes: str) -> Kind:
    """A code of a list."""
    return Kind("|".join(codes), f"is not one of the codes {', '.join(codes)}")


def text(most: int, least: int = 0) -> Kind:
    """Printable text of a length."""
    return Kind(f"{_PRINTED}{{{least},{most}}}", f"is longer than {most} characters")


def digits(most: int) -> Kind:
    """A whole number."""
    return Kind(f"[0-9]{{1,{most}}}", f"is not 1 to {most} digits")


UPRN = Kind("0{0,20}[1-9][0-9]{0,11}", "is not 1 to 12 digits")
USRN = Kind("0{0,20}[1-9][0-9]{0,7}", "is not 1 to 8 digits")
UDPRN = Kind("0{0,20}[1-9][0-9]{0,8}", "is not 1 to 9 digits")
"""Royal Mail's have eight digits, made-up ones nine."""
KEY = Kind("[0-9A-Za-z]{1,14}", "is not 1 to 14 letters and digits")
DATE = Kind(f"(?:{_DAY})?", "is not a date (YYYY-MM-DD)")
"""May be missing: what the specification demands of dates is not needed to find an address."""
POSTCODE = Kind(_POSTCODE, "is not a postcode")
GSS = Kind("[A-Z][0-9]{8}", "is not a GSS code")
MONTH = Kind("(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])", "is not a month (YYYYMM)")
NUMBER = Kind(r"-?[0-9]+(?:\.[0-9]*)?", "is not a number")
_OFF_GRID = "is outside Great Britain's grid"
EASTING = Kind(r"[0-6]?[0-9]{1,5}(?:\.[0-9]*)?|700000(?:\.0*)?", _OFF_GRID, numeric=True)
NORTHING = Kind(r"(?:[0-9]|1[0-2][0-9])?[0-9]{1,5}(?:\.[0-9]*)?|1300000(?:\.0*)?", _OFF_GRID, numeric=True)
LATITUDE = Kind(r"(?:49|5[0-9]|60)(?:\.[0-9]*)?|61(?:\.0*)?", "is outside Great Britain", numeric=True)
LONGITUDE = Kind(r"(?:-[0-8]|[01])(?:\.[0-9]*)?|(?:-9|2)(?:\.0*)?", "is outside Great Britain", numeric=True)


class Column(NamedTuple):
    """A column by the name that its specification gives it."""

    name: str
    kind: Kind


class Layout:
    """The columns of one kind of row."""

    def __init__(self, *columns: Column) -> None:
        self.columns = columns
        self._matches = re.compile(_SEPARATOR.join(f"(?:{column.kind.pattern})" for column in columns)).fullmatch

    def __len__(self) -> int:
        return len(self.columns)

    def fits(self, row: Sequence[str]) -> bool:
        """Whether nothing is wrong with a row."""
        joined = _SEPARATOR.join(row)
        return self._matches(joined) is not None and (joined.isascii() or not _NOT_DECODED.search(joined))

    def fault(self, row: Sequence[str], wanted: Sequence[int] | None = None) -> str | None:
        """What is wrong with a row, or with some of its columns (counted from 0); None where nothing is."""
        if len(row) != len(self):
            return f"it has {len(row)} columns, not {len(self)}"
        for at in range(len(row)) if wanted is None else wanted:
            if fault := self.columns[at].kind.fault(row[at]):
                return f"column {at + 1} ({self.columns[at].name}) {fault}"
        return None
