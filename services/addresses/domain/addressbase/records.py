"""The gazetteer's record of a property in AddressBase's terms: the BLPU, its land and property identifiers, its delivery point.

Imports and the generator of synthetic premises produce `Blpu` records; releases and answers are made from them. Absent values are empty
strings, or None for numbers and dates. Source: OS AddressBase Premium technical specification.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum, StrEnum
from typing import NamedTuple


class LogicalStatus(IntEnum):
    """LOGICAL_STATUS: the stage of life of a BLPU or LPI. Only LPIs are `ALTERNATIVE`."""

    APPROVED = 1
    ALTERNATIVE = 3
    PROVISIONAL = 6
    HISTORICAL = 8


class BlpuState(IntEnum):
    """The physical state of a property."""

    UNDER_CONSTRUCTION = 1
    IN_USE = 2
    UNOCCUPIED = 3
    NO_LONGER_EXISTING = 4
    PLANNING_PERMISSION_GRANTED = 6


class Language(StrEnum):
    """The language of an LPI."""

    ENGLISH = "ENG"
    WELSH = "CYM"


class Numbering(NamedTuple):
    """A range of numbers with suffixes: `6-20` is (6, "", 20, ""), `179A` is (179, "A", None, "")."""

    start_number: int | None = None
    start_suffix: str = ""
    end_number: int | None = None
    end_suffix: str = ""

    def __str__(self) -> str:
        start = f"{self.start_number or ''}{self.start_suffix}"
        end = f"{self.end_number or ''}{self.end_suffix}"
        return f"{start}-{end}" if end else start


NO_NUMBERING = Numbering()


@dataclass(frozen=True, slots=True)
class Lpi:
    """A land and property identifier: an address of a BLPU as the local authority gives it.

    SAO (secondary addressable object) is the part within the building, PAO (primary addressable object) the building.
    """

    lpi_key: str
    usrn: int
    street: str
    """STREET_DESCRIPTION of the USRN in this language."""
    logical_status: LogicalStatus = LogicalStatus.APPROVED
    language: Language = Language.ENGLISH
    sao: Numbering = NO_NUMBERING
    sao_text: str = ""
    pao: Numbering = NO_NUMBERING
    pao_text: str = ""
    locality: str = ""
    town: str = ""
    administrative_area: str = ""
    area_name: str = ""
    start_date: date | None = None
    end_date: date | None = None
    last_update: date | None = None
    street_state: str = ""
    street_classification: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryPoint:
    """The address as Royal Mail delivers to it (DPA, from PAF)."""

    udprn: int
    postcode: str
    """With its space: `NW1 1AA`."""
    post_town: str
    organisation_name: str = ""
    department_name: str = ""
    sub_building_name: str = ""
    building_name: str = ""
    building_number: str = ""
    po_box_number: str = ""
    dependent_thoroughfare: str = ""
    thoroughfare: str = ""
    double_dependent_locality: str = ""
    dependent_locality: str = ""
    delivery_point_suffix: str = ""
    last_update: date | None = None


@dataclass(frozen=True, slots=True)
class Blpu:
    """One basic land and property unit with its addresses."""

    uprn: int
    easting: float
    northing: float
    """British National Grid (EPSG:27700), metres."""
    latitude: float
    longitude: float
    """ETRS89 (EPSG:4258), degrees."""
    borough: str
    """GSS code of the local authority."""
    classification: str
    """AddressBase classification scheme: RD04 a terraced house, PP a parent shell."""
    lpis: tuple[Lpi, ...] = ()
    delivery_point: DeliveryPoint | None = None
    logical_status: LogicalStatus = LogicalStatus.APPROVED
    state: BlpuState | None = BlpuState.IN_USE
    state_date: date | None = None
    parent_uprn: int | None = None
    rpc: int = 1
    """Representative point code, 1 (visual centre) to 9."""
    custodian: int = 0
    """LOCAL_CUSTODIAN_CODE, the council that maintains the address: 5210 is Camden, 5360 Hackney."""
    country: str = "E"
    postal_address: str = "D"
    """POSTAL_ADDRESS_CODE: D a delivery point, C a postal address in a child, L linked to PAF, N not postal."""
    postcode_locator: str = ""
    multi_occupancy: int = 0
    toid: str = ""
    ward: str = ""
    parish: str = ""
    organisation: str = ""
    legal_name: str = ""
    start_date: date | None = None
    end_date: date | None = None
    last_update: date | None = None
    entry_date: date | None = None
    successors: tuple[int, ...] = ()
    """UPRNs that replaced this one (record type 30)."""
    cross_references: tuple[tuple[str, str], ...] = field(default=())
    """The (source, key) pairs of record type 23 that have no field of their own here."""

    @property
    def postcode(self) -> str:
        """The delivery point's postcode, else the postcode locator; may be empty."""
        return self.delivery_point.postcode if self.delivery_point else self.postcode_locator
