"""OS Open UPRN: where every UPRN is, and nothing else. It moves premises that are held; of others it says nothing that can be found."""

from collections.abc import Iterable, Sequence

from services.addresses.domain.incoming import BadRowError, Incoming, Op, WrongFileError

from .layouts import EASTING, LATITUDE, LONGITUDE, NORTHING, UPRN, Column, Layout

NAME = "open-uprn"
PART = "open-uprn"
LAYOUT = Layout(
    *(Column("UPRN", UPRN), Column("X_COORDINATE", EASTING), Column("Y_COORDINATE", NORTHING)),
    *(Column("LATITUDE", LATITUDE), Column("LONGITUDE", LONGITUDE)),
)
COLUMNS = tuple(column.name for column in LAYOUT.columns)


class OpenUprn:
    """Reads one file. Each row is an update; `Incoming.fields` are all of its columns."""

    name = NAME

    def __init__(self) -> None:
        self._rows = 0

    def read(self, row: Sequence[str]) -> Iterable[Incoming]:
        """Where a UPRN is."""
        if not row or is_header(row):
            return ()
        if not LAYOUT.fits(row):
            raise BadRowError(LAYOUT.fault(row) or "it cannot be read")
        self._rows += 1
        return (Incoming(int(row[0]), PART, Op.UPDATE, tuple(row)),)

    def end(self) -> None:
        """Whether there was a row: the format has nothing that closes it."""
        if not self._rows:
            raise WrongFileError("it holds no UPRN")


def is_header(row: Sequence[str]) -> bool:
    """Whether a row names the columns."""
    return row[0].lstrip("\ufeff").upper() == COLUMNS[0] and tuple(name.strip().upper() for name in row[1:]) == COLUMNS[1:]
