"""Code-Point Open: every live postcode of Great Britain, a file without header row for each post area."""

from collections.abc import Iterable, Sequence

from services.addresses.domain.addressbase.incoming import BadRowError, EmptyFileError
from services.addresses.domain.geography.boroughs import BOROUGHS
from services.addresses.domain.geography.location import Location
from services.addresses.domain.geography.postcode import Postcode
from services.addresses.domain.geography.postcode_records import PostcodeRecord

from .columns import GSS, POSTCODE, Column, Header, Kind, Layout, digits, in_order, one_of

NAME = "code-point"
_PADDED_POSTCODE = POSTCODE._replace(pattern=POSTCODE.pattern.replace(" ?", " {0,2}"))
"""A postcode of seven characters, so that its middle has no space, one or two."""
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
"""As the file of column headers that comes with the product explains them."""
HEADER = Header("Code-Point Open", COLUMNS, _LONG_NAMES)
_DISTRICT, _WARD = 8, 9
_NOWHERE = 9
"""The quality of a postcode without coordinates."""


class CodePoint:
    """Reads one file. It says nothing of when a postcode was introduced, nor of census areas: those are empty."""

    name = NAME

    def __init__(self) -> None:
        self.without_place = 0
        """London's postcodes that the file has no coordinates for: they are left out."""
        self._found = 0
        self._order: tuple[int, ...] | None = None

    def postcodes(self, row: Sequence[str]) -> Iterable[PostcodeRecord]:
        """The postcode, if it is London's and has a place."""
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
        """Whether there was a postcode of London."""
        if not self._found:
            raise EmptyFileError("it holds no postcode of London")
