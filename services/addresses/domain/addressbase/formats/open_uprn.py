"""Reads OS Open UPRN: the position of every UPRN, without its address. It only moves premises that another product supplied."""

from collections.abc import Iterable, Sequence

from services.addresses.domain.addressbase.incoming import BadRowError, EmptyFileError, Incoming, Op

from .columns import EASTING, LATITUDE, LONGITUDE, NORTHING, UPRN, Column, Header, Layout, in_order

NAME = "open-uprn"
PART = "open-uprn"
LAYOUT = Layout(
    *(Column("UPRN", UPRN), Column("X_COORDINATE", EASTING), Column("Y_COORDINATE", NORTHING)),
    *(Column("LATITUDE", LATITUDE), Column("LONGITUDE", LONGITUDE)),
)
COLUMNS = tuple(column.name for column in LAYOUT.columns)
HEADER = Header("OS Open UPRN", COLUMNS)


class OpenUprn:
    """Reads one file. Each row is an update; `Incoming.fields` are all of its columns."""

    name = NAME

    def __init__(self) -> None:
        self._rows = 0
        self._order: tuple[int, ...] | None = None

    def read(self, row: Sequence[str]) -> Iterable[Incoming]:
        """Reads the position of a UPRN; nothing for a header. Raises `BadRowError` or `WrongFileError`."""
        if not row:
            return ()
        if order := HEADER.order(row):
            self._order = order
            return ()
        row, fits = LAYOUT.understood(in_order(row, self._order))
        if not fits:
            raise BadRowError(LAYOUT.fault(row) or "it cannot be read")
        self._rows += 1
        return (Incoming(int(row[0]), PART, Op.UPDATE, tuple(row)),)

    def end(self) -> None:
        """Ends the file. Raises `EmptyFileError` if it had no UPRN; the format has no trailer to check."""
        if not self._rows:
            raise EmptyFileError("it holds no UPRN")
