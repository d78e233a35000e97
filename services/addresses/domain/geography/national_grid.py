"""Transforms the British National Grid (EPSG:27700) to longitude and latitude (ETRS89, within a metre of GPS's WGS84)."""

from collections.abc import Iterable, Iterator

from convertbng.cutil import convert_osgb36_to_ll

DECIMALS = 6
"""Decimals of a degree, as ONS and postcodes.io publish them; the sixth is 0.1 m."""


def to_lng_lat(eastings: Iterable[int], northings: Iterable[int]) -> Iterator[tuple[float, float]]:
    """Yields longitude and latitude of each point in degrees, by Ordnance Survey's OSTN15 transformation (exact to 0.1 m)."""
    longitudes, latitudes = convert_osgb36_to_ll([float(easting) for easting in eastings], [float(northing) for northing in northings])
    yield from zip(longitudes.round(DECIMALS).tolist(), latitudes.round(DECIMALS).tolist(), strict=True)
