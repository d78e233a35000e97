"""The rows of a match job: what is sent, read line by line from CSV (RFC 4180) or JSON lines, and what each comes to."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from services.addresses.domain.search.matching import Decision, Matching

LONGEST_ID = 100
LONGEST_ADDRESS = 1_000
LONGEST_LINE = 10_000
"""Characters of a row, over all its lines."""
MOST_LINES = 30
"""Of a row. The row is read anew with each of its lines, so that many short ones would cost the square of its length."""


class WrittenRow(NamedTuple):
    """An address to be matched, under the sender's own id."""

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
    """GSS codes of the boroughs that the candidate's postcode lies in, where they are several."""

    @classmethod
    def of(cls, row: WrittenRow, found: Matching, split_postcodes: Mapping[str, Sequence[str]]) -> "MatchedRow":
        """What a row came to, where these postcodes lie in several boroughs."""
        best = next(iter(found.matches), None)
        if best is None:
            return cls(row.id, found.decision, "", "", 0.0)
        boroughs = tuple(split_postcodes.get(best.postcode, ()))
        return cls(row.id, found.decision, str(best.uprn), best.address, best.confidence, boroughs)


class BadLineError(ValueError):
    """A line that cannot be used. The message says why and holds nothing of the line."""

    def __init__(self, line: int, why: str, column: str = "") -> None:
        super().__init__(f"Line {line}: {why}.")
        self.line = line
        self.column = column


class RowReader(Protocol):
    """Reads one body, a line at a time."""

    def read(self, number: int, line: str) -> WrittenRow | None:
        """The row that ends with this line, which comes without its end; None where none does. Raises `BadLineError`."""

    def end(self, number: int) -> None:
        """There are no more lines after this one. Raises `BadLineError` where a row is cut off."""


class CsvRows:
    """CSV with a header that names `id` and `address`, perhaps `postcode`; other columns are not read."""

    def __init__(self) -> None:
        self._columns: list[str] = []
        self._unfinished = ""
        self._began = 0
        """The number of the line with which the row began."""

    def read(self, number: int, line: str) -> WrittenRow | None:
        """See `RowReader`. A quoted field may go over several lines."""
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
    """JSON lines: an object a line with `id` (a text or a whole number), `address`, perhaps `postcode`; other members are not read."""

    def read(self, number: int, line: str) -> WrittenRow | None:
        """See `RowReader`. Empty lines are passed over."""
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
        """See `RowReader`: a line is whole or is not JSON."""


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
