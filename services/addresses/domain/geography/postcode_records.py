"""What postcode files say of London's postcodes. Codes that a file does not have are empty."""

from typing import NamedTuple

from .location import Location


class PostcodeRecord(NamedTuple):
    """A postcode in use, with ONS codes. `introduced` is yyyymm; codes are empty where the lookup had none."""

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
    """An electoral ward and the borough it is in, by their GSS codes."""

    code: str
    name: str
    borough: str
