"""Coordinate reference systems of requests and answers, and the transformations between them.

Transforms between the National Grid and ETRS89 by Ordnance Survey's OSTN15, exact to 0.1 m. Treats WGS84, EPSG:4326 and Web Mercator
(EPSG:3857) as ETRS89. GPS's WGS84 has drifted from ETRS89 by 0.9 m in 2026 (2.5 cm a year since 1989), so these are exact to 1 m.
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Self

from convertbng.cutil import convert_osgb36_to_ll, convert_to_osgb36

from services.addresses.domain.errors import Refusal

EASTERN_EDGE, NORTHERN_EDGE = 700_000.0, 1_300_000.0
"""Extent of the National Grid in metres from its false origin."""
_IRISH_SEA_EDGE, _IRELAND_SOUTH, _IRELAND_NORTH = 168_000.0, 195_000.0, 598_000.0
_EARTH_RADIUS = 6_378_137.0
"""Radius in metres of the sphere that Web Mercator projects."""
DEGREE_DECIMALS, METRE_DECIMALS = 7, 2


class Place(NamedTuple):
    """A point on the National Grid, in metres."""

    easting: float
    northing: float


class Crs(StrEnum):
    """A coordinate reference system under its name in requests."""

    BNG = "BNG"
    EPSG_27700 = "EPSG:27700"
    WGS84 = "WGS84"
    EPSG_4326 = "EPSG:4326"
    EPSG_3857 = "EPSG:3857"
    EPSG_4258 = "EPSG:4258"

    @classmethod
    def named(cls, text: str, parameter: str) -> Self:
        """Finds a system by its name in any case. Raises `Refusal` for an unknown name."""
        try:
            return cls(text.strip().upper())
        except ValueError:
            raise Refusal(f"Requested {parameter} must be one of {', '.join(cls)}. Requested {parameter} was {text[:100]}") from None

    @property
    def is_grid(self) -> bool:
        """True for the National Grid."""
        return self in (Crs.BNG, Crs.EPSG_27700)

    @property
    def is_mercator(self) -> bool:
        """True for Web Mercator, whose unit is the metre."""
        return self is Crs.EPSG_3857


def to_grid(crs: Crs, points: Sequence[tuple[float, float]], parameter: str) -> list[Place]:
    """Transforms points of a request to the National Grid.

    Reads degrees latitude first, as EPSG defines the order, and metres easting first. Raises `Refusal` for a point outside Great Britain.
    """
    if crs.is_grid:
        eastings, northings = [point[0] for point in points], [point[1] for point in points]
        checked = convert_osgb36_to_ll(eastings, northings)
    else:
        latitudes, longitudes = zip(*(_from_mercator(x, y) if crs.is_mercator else (x, y) for x, y in points), strict=True)
        easting_array, northing_array = checked = convert_to_osgb36(list(longitudes), list(latitudes))
        eastings, northings = easting_array.tolist(), northing_array.tolist()
    known = checked[0].tolist()
    for (first, second), first_known, easting, northing in zip(points, known, eastings, northings, strict=True):
        if math.isnan(first_known) or not _in_great_britain(easting, northing):
            raise Refusal(f"Requested {parameter} must be within Great Britain in {crs}. Requested point was {first:.12g},{second:.12g}")
    return [Place(easting, northing) for easting, northing in zip(eastings, northings, strict=True)]


def shown(crs: Crs, latitude: float, longitude: float) -> tuple[float, float] | None:
    """Returns `LNG` and `LAT` of an answer, in degrees, or in metres for Web Mercator. None for the National Grid, which has neither."""
    if crs.is_grid:
        return None
    if crs.is_mercator:
        x, y = _to_mercator(latitude, longitude)
        return round(x, METRE_DECIMALS), round(y, METRE_DECIMALS)
    return round(longitude, DEGREE_DECIMALS), round(latitude, DEGREE_DECIMALS)


def _in_great_britain(easting: float, northing: float) -> bool:
    """Tells whether a point is on the grid and not in eastern Ireland, which the transformation also covers."""
    if not (0 <= easting <= EASTERN_EDGE and 0 <= northing <= NORTHERN_EDGE):
        return False
    return not (easting < _IRISH_SEA_EDGE and _IRELAND_SOUTH < northing < _IRELAND_NORTH)


def _to_mercator(latitude: float, longitude: float) -> tuple[float, float]:
    return _EARTH_RADIUS * math.radians(longitude), _EARTH_RADIUS * math.log(math.tan(math.pi / 4 + math.radians(latitude) / 2))


def _from_mercator(x: float, y: float) -> tuple[float, float]:
    """Returns latitude and longitude in degrees."""
    return math.degrees(2 * math.atan(math.exp(max(-700.0, min(700.0, y / _EARTH_RADIUS)))) - math.pi / 2), math.degrees(x / _EARTH_RADIUS)
