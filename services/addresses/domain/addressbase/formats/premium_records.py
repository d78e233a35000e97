"""The record types of AddressBase Premium and their columns (OS AddressBase Premium technical specification, CSV)."""

from .columns import (
    DATE,
    EASTING,
    KEY,
    LATITUDE,
    LONGITUDE,
    NORTHING,
    NUMBER,
    POSTCODE,
    UDPRN,
    UPRN,
    USRN,
    Column,
    Kind,
    Layout,
    digits,
    one_of,
    text,
)

HEADER, STREET, DESCRIPTOR, BLPU, CROSS_REFERENCE, LPI = "10", "11", "15", "21", "23", "24"
DELIVERY_POINT, METADATA, SUCCESSOR, ORGANISATION, CLASSIFICATION, TRAILER = "28", "29", "30", "31", "32", "99"
"""RECORD_IDENTIFIER of each record type."""
AROUND = frozenset({HEADER, METADATA, TRAILER})
"""Types of rows that describe the file; a trailer does not count them."""
OWN_SCHEME, OWN_SCHEMES = "AddressBase Premium Classification Scheme", "AddressBase"
"""CLASS_SCHEME of AddressBase's own classification, and its prefix. A property may also have others, such as the Valuation Office's."""

_TEXT, _SUFFIX, _HOUSE = text(200), text(2), digits(5).or_nothing()
_COORDINATE = NUMBER.or_nothing()
_CHANGE_TYPE = Column("CHANGE_TYPE", one_of("I", "U", "D"))
_PRO_ORDER = Column("PRO_ORDER", digits(16))
_START, _END = Column("START_DATE", DATE), Column("END_DATE", DATE)
_UPDATED, _ENTRY = Column("LAST_UPDATE_DATE", DATE), Column("ENTRY_DATE", DATE)
_DATES = (_START, _END, _UPDATED, _ENTRY)
_LANGUAGE = Column("LANGUAGE", one_of("ENG", "CYM", "GAE"))
_LOGICAL_STATUS = one_of("1", "3", "6", "8")


def _record(record: str, *columns: Column) -> Layout:
    return Layout(Column("RECORD_IDENTIFIER", one_of(record)), _CHANGE_TYPE, _PRO_ORDER, *columns)


def _numbering(name: str) -> tuple[Column, ...]:
    return (
        Column(f"{name}_START_NUMBER", _HOUSE),
        Column(f"{name}_START_SUFFIX", _SUFFIX),
        Column(f"{name}_END_NUMBER", _HOUSE),
        Column(f"{name}_END_SUFFIX", _SUFFIX),
        Column(f"{name}_TEXT", _TEXT),
    )


def _street(*ends: str) -> Layout:
    return _record(
        STREET,
        Column("USRN", USRN),
        Column("RECORD_TYPE", one_of("1", "2", "3", "4", "9")),
        Column("SWA_ORG_REF_NAMING", digits(4)),
        Column("STATE", one_of("1", "2", "4", "5").or_nothing()),
        Column("STATE_DATE", DATE),
        Column("STREET_SURFACE", one_of("1", "2", "3").or_nothing()),
        Column("STREET_CLASSIFICATION", one_of("4", "6", "8", "9", "10").or_nothing()),
        Column("VERSION", digits(3).or_nothing()),
        Column("STREET_START_DATE", DATE),
        Column("STREET_END_DATE", DATE),
        _UPDATED,
        Column("RECORD_ENTRY_DATE", DATE),
        *(Column(f"STREET_{end}", _COORDINATE) for end in ends),
        Column("STREET_TOLERANCE", digits(3).or_nothing()),
    )


_LAYOUTS = {
    DESCRIPTOR: _record(
        DESCRIPTOR,
        Column("USRN", USRN),
        Column("STREET_DESCRIPTION", text(200, least=1)),
        *(Column("LOCALITY", _TEXT), Column("TOWN_NAME", _TEXT), Column("ADMINISTRATIVE_AREA", _TEXT)),
        *(_LANGUAGE, *_DATES),
    ),
    BLPU: _record(
        BLPU,
        Column("UPRN", UPRN),
        Column("LOGICAL_STATUS", one_of("1", "6", "8")),
        Column("BLPU_STATE", one_of("1", "2", "3", "4", "6").or_nothing()),
        Column("BLPU_STATE_DATE", DATE),
        Column("PARENT_UPRN", UPRN.or_nothing()),
        *(Column("X_COORDINATE", EASTING), Column("Y_COORDINATE", NORTHING)),
        *(Column("LATITUDE", LATITUDE), Column("LONGITUDE", LONGITUDE)),
        Column("RPC", Kind("[1-9]", "is not a digit of 1 to 9")),
        Column("LOCAL_CUSTODIAN_CODE", digits(4)),
        Column("COUNTRY", one_of("E", "W", "S", "N", "L", "M", "J")),
        *_DATES,
        Column("ADDRESSBASE_POSTAL", one_of("D", "C", "L", "N")),
        Column("POSTCODE_LOCATOR", POSTCODE.or_nothing()),
        Column("MULTI_OCC_COUNT", digits(4).or_nothing()),
    ),
    CROSS_REFERENCE: _record(
        CROSS_REFERENCE,
        Column("UPRN", UPRN),
        Column("XREF_KEY", KEY),
        Column("CROSS_REFERENCE", text(50, least=1)),
        Column("VERSION", digits(3).or_nothing()),
        Column("SOURCE", Kind("[0-9A-Z]{1,6}", "is not 1 to 6 letters and digits")),
        *_DATES,
    ),
    LPI: _record(
        LPI,
        Column("UPRN", UPRN),
        Column("LPI_KEY", KEY),
        *(_LANGUAGE, Column("LOGICAL_STATUS", _LOGICAL_STATUS), *_DATES),
        *(*_numbering("SAO"), *_numbering("PAO")),
        Column("USRN", USRN),
        Column("USRN_MATCH_INDICATOR", one_of("1", "2").or_nothing()),
        *(Column("AREA_NAME", _TEXT), Column("LEVEL", _TEXT), Column("OFFICIAL_FLAG", one_of("Y", "N").or_nothing())),
    ),
    DELIVERY_POINT: _record(
        DELIVERY_POINT,
        *(Column("UPRN", UPRN), Column("UDPRN", UDPRN)),
        *(Column("ORGANISATION_NAME", _TEXT), Column("DEPARTMENT_NAME", _TEXT)),
        *(Column("SUB_BUILDING_NAME", _TEXT), Column("BUILDING_NAME", _TEXT), Column("BUILDING_NUMBER", _HOUSE)),
        *(Column("DEPENDENT_THOROUGHFARE", _TEXT), Column("THOROUGHFARE", _TEXT)),
        *(Column("DOUBLE_DEPENDENT_LOCALITY", _TEXT), Column("DEPENDENT_LOCALITY", _TEXT)),
        *(Column("POST_TOWN", text(200, least=1)), Column("POSTCODE", POSTCODE)),
        *(Column("POSTCODE_TYPE", one_of("S", "L").or_nothing()), Column("DELIVERY_POINT_SUFFIX", text(2))),
        *(Column("WELSH_DEPENDENT_THOROUGHFARE", _TEXT), Column("WELSH_THOROUGHFARE", _TEXT)),
        *(Column("WELSH_DOUBLE_DEPENDENT_LOCALITY", _TEXT), Column("WELSH_DEPENDENT_LOCALITY", _TEXT)),
        *(Column("WELSH_POST_TOWN", _TEXT), Column("PO_BOX_NUMBER", text(20))),
        *(Column("PROCESS_DATE", DATE), *_DATES),
    ),
    SUCCESSOR: _record(SUCCESSOR, Column("UPRN", UPRN), Column("SUCC_KEY", KEY), *_DATES, Column("SUCCESSOR", UPRN)),
    ORGANISATION: _record(
        ORGANISATION,
        *(Column("UPRN", UPRN), Column("ORG_KEY", KEY)),
        *(Column("ORGANISATION", text(200, least=1)), Column("LEGAL_NAME", _TEXT)),
        *_DATES,
    ),
    CLASSIFICATION: _record(
        CLASSIFICATION,
        *(Column("UPRN", UPRN), Column("CLASS_KEY", KEY)),
        Column("CLASSIFICATION_CODE", text(20, least=1)),
        *(Column("CLASS_SCHEME", text(200, least=1)), Column("SCHEME_VERSION", NUMBER.or_nothing())),
        *_DATES,
    ),
}
_STREETS = (
    _street("START_X", "START_Y", "START_LAT", "START_LONG", "END_X", "END_Y", "END_LAT", "END_LONG"),
    _street("START_X", "START_Y", "END_X", "END_Y"),
)
"""The current layout, and the earlier one without latitudes and longitudes."""

LAYOUTS = {(record, len(layout)): layout for record, layout in _LAYOUTS.items()} | {(STREET, len(layout)): layout for layout in _STREETS}
"""By record type and number of columns."""
NEWEST = {**_LAYOUTS, STREET: _STREETS[0]}
"""By record type, the layout that gives the reason for a row with a wrong number of columns."""
HEADER_LAYOUT = Layout(
    *(Column("RECORD_IDENTIFIER", one_of(HEADER)), Column("CUSTODIAN_NAME", _TEXT), Column("LOCAL_CUSTODIAN_CODE", digits(4))),
    *(Column("PROCESS_DATE", DATE), Column("VOLUME_NUMBER", digits(5)), Column("ENTRY_DATE", DATE)),
    *(Column("TIME_STAMP", text(20)), Column("VERSION", text(7)), Column("FILE_TYPE", one_of("F", "C"))),
)
TRAILER_LAYOUT = Layout(
    *(Column("RECORD_IDENTIFIER", one_of(TRAILER)), Column("NEXT_VOLUME_NUMBER", digits(5)), Column("RECORD_COUNT", digits(16))),
    *(Column("ENTRY_DATE", DATE), Column("TIME_STAMP", text(20))),
)
