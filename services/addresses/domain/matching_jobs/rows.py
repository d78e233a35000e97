"""Rows of a match job, read line by line from CSV (RFC 4180) or JSON lines, and their results."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from services.addresses.domain.search.matching import Decision, Matching

LONGEST_ID = 100
LONGEST_ADDRESS = 1_000
LONGEST_LINE = 10_000
"""Most characters of a row, over all its lines."""
MOST_LINES = 30
"""Most lines of a row. The reader parses a row again with each of its lines, at quadratic cost."""


class WrittenRow(NamedTuple):
    """An address to match, under the sender's own id."""

    id: str
    address: str
    postcode: str = ""


@dataclass(frozen=True, slots=True)
class MatchedRow:
    """The best candidate for a row; without one, UPRN and address are empty and the confidence is 0."""

    id: str
    decision: Decision
    uprn: str
    address: str
    confidence: float
    postcode_boroughs: tuple[str, ...] = ()
    """GSS codes of the boroughs of the candidate's postcode, if they are several."""

    @classmethod
    def of(cls, row: WrittenRow, found: Matching, split_postcodes: Mapping[str, Sequence[str]]) -> "MatchedRow":
        """Create the result of a row; `split_postcodes` maps each postcode in several boroughs to their GSS codes."""
        best = next(iter(found.matches), None)
        if best is None:
            return cls(row.id, found.decision, "", "", 0.0)
        boroughs = tuple(split_postcodes.get(best.postcode, ()))
        return cls(row.id, found.decision, str(best.uprn), best.address, best.confidence, boroughs)


class BadLineError(ValueError):
    """An unusable line. The message gives the reason and quotes nothing of the line, which is personal data."""

    def __init__(self, line: int, why: str, column: str = "") -> None:
        super().__init__(f"Line {line}: {why}.")
        self.line = line
        self.column = column


class RowReader(Protocol):
    """Reads one request body, a line at a time."""

    def read(self, number: int, line: str) -> WrittenRow | None:
        """Return the row that ends with this line, or None. The line has no line end; numbers count from 1. Raises `BadLineError`."""

    def end(self, number: int) -> None:
        """Finish after the last line. Raises `BadLineError` if a row is cut off or the header is missing."""


class CsvRows:
    """Reads CSV with a header that names `id` and `address`, optionally `postcode`; ignores other columns."""

    def __init__(self) -> None:
        self._columns: list[str] = []
        self._unfinished = ""
        self._began = 0
        """Number of the first line of the current row."""

    def read(self, number: int, line: str) -> WrittenRow | None:
        """See `RowReader`. A quoted field may span several lines."""
        text = f"{self._unfinished}\n{line}" if self._unfinished else line
        self._began = self._began if self._unfinished else number
        if len(text) > LONGEST_LINE or number - self._began >= MOST_LINES:
            limits = f"at most {LONGEST_LINE} characters and {MOST_LINES} lines"
            raise BadLineError(self._began, f"a row has {limits}; is a quotation mark left open?")
        fields = self._fields(text)
        if not fields:
            return None
        if not self._columns:
            self._columns = _header(self._began, fields)
            return None
        if len(fields) != len(self._columns):
            raise BadLineError(self._began, f"it has {len(fields)} fields, the header has {len(self._columns)}")
        return _row(self._began, dict(zip(self._columns, fields, strict=True)))

    def end(self, number: int) -> None:
        """See `RowReader`."""
        if self._unfinished:
            raise BadLineError(self._began, "a quotation mark is left open")
        if not self._columns:
            raise BadLineError(max(1, number), "there is no header")

    def _fields(self, text: str) -> list[str]:
        try:
            fields = next(csv.reader([text], strict=True), [])
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                self._unfinished = text
                return []
            raise BadLineError(self._began, f"it is not CSV ({error})") from None
        self._unfinished = ""
        return fields if any(fields) else []


class JsonRows:
    """Reads JSON lines: one object a line with `id` (string or integer), `address`, optionally `postcode`; ignores other members."""

    def read(self, number: int, line: str) -> WrittenRow | None:
        """See `RowReader`. Ignores empty lines."""
        if not line.strip():
            return None
        if len(line) > LONGEST_LINE:
            raise BadLineError(number, f"a row has at most {LONGEST_LINE} characters")
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            raise BadLineError(number, "it is not JSON") from None
        if not isinstance(found, dict):
            raise BadLineError(number, "it is not a JSON object")
        return _row(number, found)

    def end(self, number: int) -> None:
        """See `RowReader`. Does nothing, because each line is complete."""


def _header(number: int, fields: list[str]) -> list[str]:
    columns = [field.strip().lower() for field in fields]
    for wanted in ("id", "address", "postcode"):
        if columns.count(wanted) > 1 or (wanted not in columns and wanted != "postcode"):
            raise BadLineError(number, f"the header must name the column {wanted} once", wanted)
    return columns


def _row(number: int, values: Mapping[str, Any]) -> WrittenRow:
    given = values.get("id")
    id_ = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    row = WrittenRow(
        _text(number, "id", id_, LONGEST_ID),
        _text(number, "address", values.get("address"), LONGEST_ADDRESS),
        _text(number, "postcode", values.get("postcode") or "", LONGEST_ADDRESS),
    )
    if not row.id:
        raise BadLineError(number, "id is empty", "id")
    return row


def _text(number: int, column: str, value: object, longest: int) -> str:
    if value is None:
        raise BadLineError(number, f"{column} is missing", column)
    if not isinstance(value, str):
        raise BadLineError(number, f"{column} is not a text", column)
    if len(value) > longest:
        raise BadLineError(number, f"{column} has more than {longest} characters", column)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadLineError(number, f"{column} is not Unicode text", column) from None
    return value
