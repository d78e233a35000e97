"""British National Grid (EPSG:27700) to longitude and latitude (ETRS89, which GPS's WGS84 equals to within a metre)."""

from collections.abc import Iterable, Iterator

from convertbng.cutil import convert_osgb36_to_ll

DECIMALS = 6
"""As ONS and postcodes.io publish: the sixth place is 0.1 m."""


def to_lng_lat(eastings: Iterable[int], northings: Iterable[int]) -> Iterator[tuple[float, float]]:
    """Longitude and latitude in degrees of each point, by Ordnance Survey's OSTN15 transformation (exact to 0.1 m)."""
    longitudes, latitudes = convert_osgb36_to_ll([float(easting) for easting in eastings], [float(northing) for northing in northings])
    yield from zip(longitudes.round(DECIMALS).tolist(), latitudes.round(DECIMALS).tolist(), strict=True)
