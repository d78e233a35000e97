"""Records of London's postcodes and wards, as postcode files give them. A code that a file lacks is empty."""

from typing import NamedTuple

from .location import Location


class PostcodeRecord(NamedTuple):
    """A live postcode with ONS codes. `introduced` is yyyymm; a code that the file lacks is empty."""

    postcode: str
    quality: int
    """ONS's positional quality indicator, 1 (within the building nearest the mean) to 9 (none)."""
    location: Location
    borough: str
    ward: str
    introduced: str
    lsoa_2011: str
    msoa_2011: str


class TerminatedPostcodeRecord(NamedTuple):
    """A postcode that Royal Mail withdrew in the month `terminated` (yyyymm)."""

    postcode: str
    terminated: str
    location: Location


class Ward(NamedTuple):
    """An electoral ward and its borough, by GSS codes."""

    code: str
    name: str
    borough: str
