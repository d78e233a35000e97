"""Reads Code-Point Open: every live postcode of Great Britain, one file without header row for each post area."""

from collections.abc import Iterable, Sequence

from services.addresses.domain.addressbase.incoming import BadRowError, EmptyFileError
from services.addresses.domain.geography.boroughs import BOROUGHS
from services.addresses.domain.geography.location import Location
from services.addresses.domain.geography.postcode import Postcode
from services.addresses.domain.geography.postcode_records import PostcodeRecord

from .columns import GSS, POSTCODE, Column, Header, Kind, Layout, digits, in_order, one_of

NAME = "code-point"
_PADDED_POSTCODE = POSTCODE._replace(pattern=POSTCODE.pattern.replace(" ?", " {0,2}"))
"""The product pads postcodes to seven characters, so the middle has no space, one or two."""
_HEALTH = Kind("[A-Z0-9]{0,9}", "is not a code of letters and digits", capitals=True)
LAYOUT = Layout(
    *(Column("PC", _PADDED_POSTCODE), Column("PQ", one_of("10", "20", "30", "40", "50", "60", "90"))),
    *(Column("EA", digits(6)), Column("NO", digits(7)), Column("CY", GSS)),
    *(Column("RH", _HEALTH), Column("LH", _HEALTH)),
    *(Column("CC", GSS.or_nothing()), Column("DC", GSS.or_nothing()), Column("WC", GSS.or_nothing())),
)
COLUMNS = tuple(column.name for column in LAYOUT.columns)
_LONG_NAMES = (
    *("Postcode", "Positional_quality_indicator", "Eastings", "Northings", "Country_code"),
    *("NHS_regional_HA_code", "NHS_HA_code", "Admin_county_code", "Admin_district_code", "Admin_ward_code"),
)
"""The long names of the columns in the product's own file of column headers."""
HEADER = Header("Code-Point Open", COLUMNS, _LONG_NAMES)
_DISTRICT, _WARD = 8, 9
_NOWHERE = 9
"""The quality of a postcode without coordinates."""


class CodePoint:
    """Reads one file. The product has neither the month of introduction nor census areas: those fields stay empty."""

    name = NAME

    def __init__(self) -> None:
        self.without_place = 0
        """Count of London's postcodes without coordinates, which the reader leaves out."""
        self._found = 0
        self._order: tuple[int, ...] | None = None

    def postcodes(self, row: Sequence[str]) -> Iterable[PostcodeRecord]:
        """Reads a row; returns its postcode if it lies in London and has coordinates."""
        if not row:
            return ()
        if order := HEADER.order(row):
            self._order = order
            return ()
        row, fits = LAYOUT.understood(in_order(row, self._order))
        if not fits and (fault := LAYOUT.fault(row)):
            raise BadRowError(fault)
        borough, ward = row[_DISTRICT], row[_WARD]
        if borough not in BOROUGHS:
            return ()
        if not ward:
            raise BadRowError(f"column {_WARD + 1} ({COLUMNS[_WARD]}) is missing")
        postcode, quality = Postcode.parse(row[0]), int(row[1]) // 10
        if postcode is None or quality == _NOWHERE:
            self.without_place += 1
            return ()
        self._found += 1
        return (PostcodeRecord(str(postcode), quality, Location(int(row[2]), int(row[3])), borough, ward, "", "", ""),)

    def end(self) -> None:
        """Ends the file. Raises `EmptyFileError` if it had no postcode of London."""
        if not self._found:
            raise EmptyFileError("it holds no postcode of London")
