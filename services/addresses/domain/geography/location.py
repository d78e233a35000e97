"""Coordinates of a place."""

from typing import NamedTuple


class Location(NamedTuple):
    """A place on the British National Grid, in whole metres."""

    easting: int
    northing: int
