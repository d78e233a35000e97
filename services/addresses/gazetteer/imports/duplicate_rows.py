"""Duplicate rows of one record: find contradictions, and rows older than the record that they replace."""

from collections.abc import Sequence
from typing import NamedTuple

from services.addresses.domain.addressbase.formats import columns as layouts
from services.addresses.domain.addressbase.formats import core
from services.addresses.domain.addressbase.formats import premium_records as premium_layouts
from services.addresses.domain.addressbase.incoming import Op
from services.addresses.gazetteer.releases.stage_layers import FIELD

_UPDATED = "LAST_UPDATE_DATE"


class Said(NamedTuple):
    """One staged row about a key: a UPRN, or minus a USRN."""

    op: str
    text: str
    """The part and its fields, joined by `FIELD`."""
    file: int
    place: int
    """PRO_ORDER where the format has one, else 0."""
    line: int

    @property
    def part(self) -> str:
        """The record's name under the key, such as `21` or `24 5210L000000001`."""
        return self.text.partition(FIELD)[0]


def contradicting(said: Sequence[Said], *, full: bool) -> dict[int, int]:
    """Map each row that contradicts another to that other, both as positions in `said`, the rows of one key in order.

    Two rows of a record contradict each other if they differ and neither follows the other. This happens in a full supply, which holds
    each record once. It also happens within one file, unless the later row is an update with a higher PRO_ORDER. A typical cause is a
    spreadsheet that rounds two UPRNs to one; the rows do not show which is right.
    """
    latest: dict[str, int] = {}
    found: dict[int, int] = {}
    for at, row in enumerate(said):
        before = latest.pop(row.part, None)
        if row.op == Op.DELETE:
            continue
        latest[row.part] = at
        if before is not None and _contradicts(said[before], row, full=full):
            found.setdefault(before, at)
            found[at] = before
    return found


def _contradicts(before: Said, row: Said, *, full: bool) -> bool:
    if row.text == before.text or not (full or row.file == before.file):
        return False
    return full or not (row.op == Op.UPDATE and row.place > before.place)


def is_older(text: str, held: str) -> bool:
    """Return whether a row's LAST_UPDATE_DATE is before that of `held`, the stage's row of the same record."""
    fields, before = text.split(FIELD), held.split(FIELD)
    at = _DAYS.get((fields[0][:4] if fields[0] == core.PART else fields[0][:2], len(fields)))
    return at is not None and len(fields) == len(before) and bool(fields[at]) and fields[at] < before[at]


def _places() -> dict[tuple[str, int], int]:
    """Map a part's type and number of staged fields (the part itself included) to the position of LAST_UPDATE_DATE."""
    columns = [column.name.upper() for column in core.LAYOUT.columns]
    found = {(core.PART, len(columns)): columns.index(_UPDATED) + 1}
    for (record, _), layout in premium_layouts.LAYOUTS.items():
        at = _place(layout)
        if at is not None:
            found[record, len(layout) - _BEFORE_FIELDS + 1] = at - _BEFORE_FIELDS + 1
    return found


def _place(layout: layouts.Layout) -> int | None:
    return next((at for at, column in enumerate(layout.columns) if column.name == _UPDATED), None)


_BEFORE_FIELDS = 3
"""Columns of a Premium row that precede its staged fields: record type, change type and PRO_ORDER."""
_DAYS = _places()
