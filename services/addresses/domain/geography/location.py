"""A place by its coordinates."""

from typing import NamedTuple


class Location(NamedTuple):
    """A place on the British National Grid, metres."""

    easting: int
    northing: int
