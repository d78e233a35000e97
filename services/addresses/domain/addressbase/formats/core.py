"""Reads AddressBase Core: one row a property, with or without a header row (OS AddressBase Core technical specification, CSV)."""

from collections.abc import Iterable, Sequence

from services.addresses.domain.addressbase.classifications import is_code
from services.addresses.domain.addressbase.incoming import BadRowError, EmptyFileError, Incoming, Op

from .columns import (
    DATE,
    EASTING,
    GSS,
    LATITUDE,
    LONGITUDE,
    NORTHING,
    POSTCODE,
    UDPRN,
    UPRN,
    USRN,
    Column,
    Header,
    Kind,
    Layout,
    in_order,
    one_of,
    text,
)

NAME = "core"
PART = "core"
_LINE = text(500)
_PART = text(200)
LAYOUT = Layout(
    *(Column("uprn", UPRN), Column("parent_uprn", UPRN.or_nothing()), Column("udprn", UDPRN.or_nothing())),
    *(Column("usrn", USRN.or_nothing()), Column("toid", text(20))),
    Column("classification_code", Kind("[A-Z][0-9A-Z]{0,5}", "is not a classification code")),
    *(Column("easting", EASTING), Column("northing", NORTHING), Column("latitude", LATITUDE), Column("longitude", LONGITUDE)),
    *(Column("rpc", Kind("[1-9]", "is not a digit of 1 to 9")), Column("last_update_date", DATE)),
    *(Column("single_line_address", _LINE), Column("po_box", text(20)), Column("organisation", _PART)),
    *(Column("sub_building", _PART), Column("building_name", _PART), Column("building_number", _PART)),
    *(Column("street_name", _PART), Column("locality", _PART), Column("town_name", _PART), Column("post_town", _PART)),
    *(Column("island", _PART), Column("postcode", POSTCODE.or_nothing()), Column("delivery_point_suffix", text(2))),
    *(Column("gss_code", GSS.or_nothing()), Column("change_code", one_of("I", "U", "D"))),
)
COLUMNS = tuple(column.name for column in LAYOUT.columns)
HEADER = Header("AddressBase Core", COLUMNS)
_OPS = {str(op): op for op in Op}
_UPRN, _CLASS, _CHANGE = 0, 5, 26


class Core:
    """Reads one file. `Incoming.fields` are the row's columns without the change code, which is the last."""

    name = NAME

    def __init__(self) -> None:
        self._rows = 0
        self._order: tuple[int, ...] | None = None

    def read(self, row: Sequence[str]) -> Iterable[Incoming]:
        """Reads a row; nothing for a header. Raises `BadRowError` or `WrongFileError`. Of a deletion only the UPRN must be valid."""
        if not row or self._is_header(row):
            return ()
        row, fits = LAYOUT.understood(in_order(row, self._order))
        if not fits:
            deleted = len(row) == len(LAYOUT) and row[_CHANGE] == Op.DELETE
            if fault := LAYOUT.fault(row, (_UPRN,) if deleted else None):
                raise BadRowError(fault)
        op = _OPS[row[_CHANGE]]
        if op is not Op.DELETE and not is_code(row[_CLASS]):
            raise BadRowError("column 6 (classification_code) is not a code of AddressBase's scheme")
        self._rows += 1
        return (Incoming(int(row[_UPRN]), PART, op, () if op is Op.DELETE else tuple(row[:_CHANGE])),)

    def _is_header(self, row: Sequence[str]) -> bool:
        """Tells whether a row is a header, and keeps its order for the rows that follow. Concatenated files have several headers."""
        order = HEADER.order(row)
        self._order = order or self._order
        return order is not None

    def end(self) -> None:
        """Ends the file. Raises `EmptyFileError` if it had no address; the format has no trailer to check."""
        if not self._rows:
            raise EmptyFileError("it holds no address")
