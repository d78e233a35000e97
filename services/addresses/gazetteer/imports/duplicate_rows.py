"""Rows of one supply about the same record: which contradict each other, and which are older than what they would replace."""

from collections.abc import Sequence
from typing import NamedTuple

from services.addresses.domain.addressbase.formats import columns as layouts
from services.addresses.domain.addressbase.formats import core
from services.addresses.domain.addressbase.formats import premium_records as premium_layouts
from services.addresses.domain.addressbase.incoming import Op
from services.addresses.gazetteer.releases.stage_layers import FIELD

_UPDATED = "LAST_UPDATE_DATE"


class Said(NamedTuple):
    """One row about a key."""

    op: str
    text: str
    """The part and its fields, joined by `FIELD`."""
    file: int
    place: int
    """PRO_ORDER where the format has one, else 0."""
    line: int

    @property
    def part(self) -> str:
        """Which of what is held under the key."""
        return self.text.partition(FIELD)[0]


def contradicting(said: Sequence[Said], *, full: bool) -> dict[int, int]:
    """Of the rows of one key, in the order in which they apply, those that contradict another, each with that other; as places in `said`.

    Two rows of a record contradict each other where they differ and nothing says that one follows the other: both are of a full supply,
    which holds a record once; or both are of one file, and the later is no update that comes after by PRO_ORDER. So are two premises
    whose UPRNs a spreadsheet has rounded to one. Nothing tells which of them is right.
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
    """Whether a row says of itself that it was updated before what is held of the same record."""
    fields, before = text.split(FIELD), held.split(FIELD)
    at = _DAYS.get((fields[0][:4] if fields[0] == core.PART else fields[0][:2], len(fields)))
    return at is not None and len(fields) == len(before) and bool(fields[at]) and fields[at] < before[at]


def _places() -> dict[tuple[str, int], int]:
    """Where the day of the last update stands in what is held, by the part's type and how many fields that has with the part."""
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
"""Columns of a Premium row before what is held of it: type, change type, order."""
_DAYS = _places()
