"""Reads GeoJSON polygons (RFC 7946, section 3.1.6) onto the National Grid and finds the points inside."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np

from services.addresses.domain.errors import Refusal

from .crs import Crs, Place, to_grid

MOST_CORNERS = 1_000
MOST_SQUARE_KM = 25.0
"""Limit of the box around a polygon, because the filter tests every point in it."""
Ring = tuple[Place, ...]
Column = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Part:
    """An outer ring and its holes. The last corner of each ring equals its first."""

    rings: tuple[Ring, ...]

    def contains(self, eastings: Column, northings: Column) -> Column:
        """Tells for each point whether it is inside the outer ring and in no hole, by the even-odd rule."""
        inside = np.zeros(len(eastings), dtype=bool)
        for (e1, n1), (e2, n2) in (edge for ring in self.rings for edge in pairwise(ring)):
            if n1 != n2:  # a line eastwards from an inside point crosses an odd number of edges
                crossed = ((n1 > northings) != (n2 > northings)) & (eastings < e1 + (e2 - e1) * (northings - n1) / (n2 - n1))
                inside ^= crossed
        return inside


@dataclass(frozen=True, slots=True)
class Polygon:
    """An area of one part or several."""

    parts: tuple[Part, ...]

    @classmethod
    def read(cls, document: Any, crs: Crs) -> Self:
        """Reads a GeoJSON Polygon or MultiPolygon, alone, as a Feature's geometry, or as the only feature of a collection.

        Raises `Refusal` for any other document, and for a polygon that crosses itself, leaves Great Britain, or is too large.
        """
        geometry = _geometry(document)
        coordinates = geometry.get("coordinates")
        parts = coordinates if geometry["type"] == "MultiPolygon" else [coordinates]
        if not isinstance(parts, list) or not parts or not all(isinstance(part, list) and part for part in parts):
            raise Refusal("Requested polygon must have coordinates")
        if sum(len(ring) if isinstance(ring, list) else 0 for part in parts for ring in part) > MOST_CORNERS:
            raise Refusal(f"Requested polygon must have at most {MOST_CORNERS} corners")
        polygon = cls(tuple(Part(tuple(_ring(ring, crs) for ring in part)) for part in parts))
        min_e, min_n, max_e, max_n = polygon.bounds
        if (max_e - min_e) * (max_n - min_n) > MOST_SQUARE_KM * 1e6:
            raise Refusal(f"Requested polygon must fit into a box of at most {MOST_SQUARE_KM:g} km2")
        if any(_crosses_itself([edge for ring in part.rings for edge in _edges(ring)]) for part in polygon.parts):
            raise Refusal("Requested polygon must not cross itself")
        return polygon

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """The bounding box: least easting and northing, greatest easting and northing, in metres."""
        corners = [corner for part in self.parts for corner in part.rings[0]]
        eastings, northings = [corner.easting for corner in corners], [corner.northing for corner in corners]
        return min(eastings), min(northings), max(eastings), max(northings)

    def select_inside(self, points: Sequence[tuple[int, float, float]]) -> list[int]:
        """Returns the ids of those points (id, easting, northing) that are inside, in the order given."""
        if not points:
            return []
        ids, eastings, northings = (np.array(column) for column in zip(*points, strict=True))
        inside = np.logical_or.reduce([part.contains(eastings, northings) for part in self.parts])
        return [int(id_) for id_ in ids[inside]]


def _geometry(document: Any) -> dict[str, Any]:
    for _ in range(3):
        if not isinstance(document, dict):
            break
        if document.get("type") in ("Polygon", "MultiPolygon"):
            return document
        inner = document.get("geometry", document.get("features"))
        document = inner[0] if isinstance(inner, list) and len(inner) == 1 else inner
    raise Refusal("Requested polygon must be a GeoJSON Polygon or MultiPolygon, or a Feature of one")


def _ring(corners: Any, crs: Crs) -> Ring:
    if not isinstance(corners, list) or not all(_is_position(corner) for corner in corners):
        raise Refusal("Requested polygon must be rings of positions, two finite numbers each")
    if len(corners) < 4 or corners[0][:2] != corners[-1][:2]:
        raise Refusal("Requested polygon must have closed rings of at least four positions, the last as the first")
    places = to_grid(crs, [(float(corner[0]), float(corner[1])) for corner in corners], "polygon")
    # A repeated corner would count as an edge that touches the next.
    kept = [place for at, place in enumerate(places) if at == 0 or place != places[at - 1]]
    if len(kept) < 4:
        raise Refusal("Requested polygon must enclose an area")
    return tuple(kept)


def _is_position(corner: Any) -> bool:
    return (
        isinstance(corner, list)
        and 2 <= len(corner) <= 3
        and all(isinstance(number, int | float) and not isinstance(number, bool) for number in corner)
        and all(abs(number) < 1e12 and math.isfinite(number) for number in corner)
    )


Edge = tuple[Place, Place]


def _edges(ring: Ring) -> Iterator[Edge]:
    return pairwise(ring)


def _crosses_itself(edges: Sequence[Edge]) -> bool:
    """Tells whether two edges meet at any point except their shared corner. Compares only edges whose eastings overlap."""
    ordered = sorted(edges, key=lambda edge: min(edge[0].easting, edge[1].easting))
    open_edges: list[tuple[float, Edge]] = []
    for edge in ordered:
        west = min(edge[0].easting, edge[1].easting)
        open_edges = [(east, other) for east, other in open_edges if east >= west]
        if any(_meet(edge, other) for _, other in open_edges):
            return True
        open_edges.append((max(edge[0].easting, edge[1].easting), edge))
    return False


def _meet(one: Edge, other: Edge) -> bool:
    (a, b), (c, d) = one, other
    if max(a.northing, b.northing) < min(c.northing, d.northing) or max(c.northing, d.northing) < min(a.northing, b.northing):
        return False
    shared = {a, b} & {c, d}
    if shared:
        return len(shared) == 2 or _doubles_back(shared.pop(), one, other)
    return _side(a, b, c) * _side(a, b, d) <= 0 and _side(c, d, a) * _side(c, d, b) <= 0 and _overlap(one, other)


def _doubles_back(corner: Place, one: Edge, other: Edge) -> bool:
    """Tells whether two edges leave their shared corner in the same direction."""
    first = one[1] if one[0] == corner else one[0]
    second = other[1] if other[0] == corner else other[0]
    along = (first.easting - corner.easting) * (second.easting - corner.easting)
    up = (first.northing - corner.northing) * (second.northing - corner.northing)
    return _side(corner, first, second) == 0 and along + up > 0


def _side(a: Place, b: Place, point: Place) -> float:
    turn = (b.easting - a.easting) * (point.northing - a.northing) - (b.northing - a.northing) * (point.easting - a.easting)
    return (turn > 0) - (turn < 0)


def _overlap(one: Edge, other: Edge) -> bool:
    (a, b), (c, d) = one, other
    return max(a.easting, b.easting) >= min(c.easting, d.easting) and max(c.easting, d.easting) >= min(a.easting, b.easting)
