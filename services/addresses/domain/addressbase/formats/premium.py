"""Reads AddressBase Premium: rows of a dozen record types in one file without header row.

Column 1 is the record type, 2 the change type, 3 the order.
"""

from collections.abc import Iterable, Sequence
from enum import Enum, auto

from services.addresses.domain.addressbase.classifications import is_code
from services.addresses.domain.addressbase.incoming import BadRowError, Incoming, Op, WrongFileError

from . import premium_records as layouts
from .columns import Layout

NAME = "premium"
_OPS = {str(op): op for op in Op}
_NAMED_BY_KEY = frozenset(
    {
        *(layouts.CROSS_REFERENCE, layouts.LPI, layouts.DELIVERY_POINT),
        *(layouts.SUCCESSOR, layouts.ORGANISATION, layouts.CLASSIFICATION),
    }
)
"""Types of which a UPRN may have several records; the key in column 5 identifies each."""
_OP, _ORDER, _ID, _KEY, _CODE, _SCHEME, _LANGUAGE = 1, 2, 3, 4, 5, 6, 8


class _Reading(Enum):
    """Progress through a volume."""

    BEFORE_HEADER = auto()
    RECORDS = auto()
    AFTER_TRAILER = auto()


class Premium:
    """Reads one file of one or more volumes in sequence. `Incoming.fields` are the row's columns from the fourth on.

    A volume begins with its header (10) and ends with its trailer (99). The trailer counts the records except header, trailer and
    metadata (29).
    """

    name = NAME

    def __init__(self) -> None:
        self.volume: int | None = None
        """VOLUME_NUMBER of the header; 0 in a supply by area."""
        self.next_volume: int | None = None
        """NEXT_VOLUME_NUMBER of the trailer; 0 in the last volume."""
        self.change_only: bool | None = None
        """True for a change-only supply. A full supply deletes every record that it lacks."""
        self._reading = _Reading.BEFORE_HEADER
        self._records = 0

    def read(self, row: Sequence[str]) -> Iterable[Incoming]:
        """Reads a row; nothing for header, trailer and metadata. Raises `BadRowError` or `WrongFileError`."""
        if not row:
            return ()
        layout = layouts.LAYOUTS.get((row[0], len(row)))
        if layout is None:
            return self._other(row)
        self._count()
        row, fits = layout.understood(row)
        if not fits:
            _check_odd_row(row, layout)
        record = row[0]
        if record in _NAMED_BY_KEY:
            key, part = int(row[_ID]), f"{record} {row[_KEY]}"
            if record == layouts.CLASSIFICATION:
                _check_class(row)
        elif record == layouts.BLPU:
            key, part = int(row[_ID]), record
        else:
            key, part = -int(row[_ID]), record if record == layouts.STREET else f"{record} {row[_LANGUAGE]}"
        op = _OPS[row[_OP]]
        return (Incoming(key, part, op, () if op is Op.DELETE else tuple(row[_ID:]), int(row[_ORDER])),)

    def end(self) -> None:
        """Ends the file. Raises `WrongFileError` if header or trailer is missing."""
        if self._reading is _Reading.BEFORE_HEADER:
            raise WrongFileError("it has no header (type 10)")
        if self._reading is _Reading.RECORDS:
            raise WrongFileError("it ends without a trailer (type 99): it was cut off")

    def _count(self) -> None:
        if self._reading is not _Reading.RECORDS:
            where = "before its header (type 10)" if self._reading is _Reading.BEFORE_HEADER else "after its trailer (type 99)"
            raise WrongFileError(f"it has records {where}")
        self._records += 1

    def _other(self, row: Sequence[str]) -> Iterable[Incoming]:
        """Reads header, trailer or metadata; refuses a wrong number of columns and an unknown record type."""
        record = row[0].lstrip("\ufeff")
        if record == layouts.HEADER:
            self._header([record, *row[1:]])
        elif record == layouts.TRAILER:
            self._trailer(row)
        elif record == layouts.METADATA:
            if self._reading is not _Reading.RECORDS:
                raise WrongFileError("its metadata (type 29) is outside of header and trailer")
        else:
            self._count()
            layout = layouts.NEWEST.get(record)
            raise BadRowError((layout and layout.fault(row)) or "column 1 (RECORD_IDENTIFIER) is not a record type")
        return ()

    def _header(self, row: Sequence[str]) -> None:
        if fault := layouts.HEADER_LAYOUT.fault(row):
            raise WrongFileError(f"its header (type 10) cannot be read: {fault}")
        if self._reading is _Reading.RECORDS:
            raise WrongFileError("it has a header (type 10) before the trailer (type 99) of what came before: it was cut off")
        volume, change_only = int(row[4]), row[8] == "C"
        if self._reading is _Reading.AFTER_TRAILER and volume != self.next_volume:
            raise WrongFileError(f"volume {volume} comes where volume {self.next_volume} should")
        if self.change_only not in (None, change_only):
            raise WrongFileError("it has a full supply and changes only in one")
        self.volume, self.change_only = volume, change_only
        self._reading, self._records = _Reading.RECORDS, 0

    def _trailer(self, row: Sequence[str]) -> None:
        if fault := layouts.TRAILER_LAYOUT.fault(row):
            raise WrongFileError(f"its trailer (type 99) cannot be read: {fault}")
        if self._reading is not _Reading.RECORDS or self.volume is None:
            raise WrongFileError("it has a trailer (type 99) without a header (type 10)")
        following, count = int(row[1]), int(row[2])
        if count != self._records:
            raise WrongFileError(f"its trailer counts {count:,} records where {self._records:,} came: it was cut off or put together")
        if following not in (0, self.volume + 1):
            raise WrongFileError(f"its trailer says that volume {following} follows volume {self.volume}")
        self.next_volume, self._reading = following, _Reading.AFTER_TRAILER


def _check_odd_row(row: Sequence[str], layout: Layout) -> None:
    """Refuses an invalid row, unless it is a deletion whose identifying columns are valid."""
    named = (_KEY,) if row[0] in _NAMED_BY_KEY else (_LANGUAGE,) if row[0] == layouts.DESCRIPTOR else ()
    wanted = (_OP, _ORDER, _ID, *named) if row[_OP] == Op.DELETE else None
    if fault := layout.fault(row, wanted):
        raise BadRowError(fault)


def _check_class(row: Sequence[str]) -> None:
    """Refuses an unknown code under AddressBase's own classification scheme."""
    if row[_SCHEME].startswith(layouts.OWN_SCHEMES) and not is_code(row[_CODE]) and row[_OP] != Op.DELETE:
        raise BadRowError("column 6 (CLASSIFICATION_CODE) is not a code of AddressBase's scheme")
