"""What the gazetteer holds: premises, their parent shells, the streets they stand on; and how an address is written."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

POST_TOWN = "London"
MADE_UP_UPRNS = range(999_000_000_000, 1_000_000_000_000)
"""UPRNs of made-up premises. Real ones are given out in blocks to the street naming authorities, none of which lies here."""


class Kind(StrEnum):
    """What a search result is."""

    PREMISES = "premises"
    """Somewhere post is delivered: a house, flat, shop."""
    SHELL = "shell"
    """A building that is divided: the parent of its flats, itself without a letter box (AddressBase class PP)."""
    STREET = "street"
    POSTCODE = "postcode"


class Classification(StrEnum):
    """AddressBase classification codes of what is generated."""

    DETACHED = "RD02"
    SEMI_DETACHED = "RD03"
    HOUSE = "RD04"
    FLAT = "RD06"
    DWELLING = "RD"
    SHOP = "CR08"
    EATING_PLACE = "CR07"
    OFFICE = "CO01"
    SHELL = "PP"


class Location(NamedTuple):
    """A place on the British National Grid, metres."""

    easting: int
    northing: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """The parts of an address, most specific first, as AddressBase names them. Absent parts are empty."""

    organisation: str = ""
    sub_building: str = ""
    building_name: str = ""
    building_number: str = ""
    street: str = ""
    post_town: str = POST_TOWN
    postcode: str = ""

    def line(self) -> str:
        """The address in one line: `Flat 2, 14 Quillfen Street, London, NW1 1AA`."""
        thoroughfare = f"{self.building_number} {self.street}" if self.building_number else self.street
        parts = (self.organisation, self.sub_building, self.building_name, thoroughfare, self.post_town, self.postcode)
        return ", ".join(part for part in parts if part)

    def searchable(self) -> str:
        """What is typed to find it, apart from town and postcode: those narrow a search by other means."""
        return f"{self.organisation} {self.sub_building} {self.building_name} {self.building_number} {self.street}"


@dataclass(frozen=True, slots=True)
class Street:
    """A street of one borough. `number` identifies it within its release."""

    number: int
    name: str
    borough: str
    postcodes: tuple[str, ...]
    location: Location


@dataclass(frozen=True, slots=True)
class Premises:
    """One BLPU with a delivery address. `parent` is the UPRN of the shell that it is part of."""

    uprn: int
    parent: int | None
    kind: Kind
    classification: Classification
    delivery: Delivery
    street: int
    borough: str
    location: Location
