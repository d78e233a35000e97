"""Spatial index of National Grid points: by rectangle, and nearest first. Coordinates are columns of whole centimetres.

The index orders rows by grid square of 100 m, one row of squares after another. A query reads one run of rows for each row of squares that
it touches.
"""

from pathlib import Path

import numpy as np

from .columns import Column, open_column, write_column

SQUARE = 10_000
"""Side of a grid square, in centimetres."""
FIRST_RADIUS = 5_000


def write_points(folder: Path, name: str, eastings: Column, northings: Column) -> None:
    """Write the spatial index and the coordinates (int32, centimetres) in columns `<name>_eastings` and `<name>_northings`."""
    write_column(folder / f"{name}_eastings.npy", eastings, "<i4")
    write_column(folder / f"{name}_northings.npy", northings, "<i4")
    if not len(eastings):
        write_column(folder / f"{name}_order.npy", [], "<u4")
        write_column(folder / f"{name}_squares.npy", [0], "<u4")
        write_column(folder / f"{name}_grid.npy", [0, 0, 0, 0], "<i4")
        return
    west, south = int(eastings.min()) // SQUARE, int(northings.min()) // SQUARE
    columns, rows = int(eastings.max()) // SQUARE - west + 1, int(northings.max()) // SQUARE - south + 1
    squares = (northings // SQUARE - south).astype(np.int64) * columns + (eastings // SQUARE - west)
    order = np.argsort(squares, kind="stable").astype(np.uint32)
    starts = np.searchsorted(squares[order], np.arange(columns * rows + 1))
    write_column(folder / f"{name}_order.npy", order, "<u4")
    write_column(folder / f"{name}_squares.npy", starts, "<u4")
    write_column(folder / f"{name}_grid.npy", [west, south, columns, rows], "<i4")


class Points:
    """The points of one kind; a row is a point's position in the columns."""

    def __init__(self, folder: Path, name: str) -> None:
        self.eastings = open_column(folder / f"{name}_eastings.npy")
        self.northings = open_column(folder / f"{name}_northings.npy")
        self._order = open_column(folder / f"{name}_order.npy")
        self._starts = open_column(folder / f"{name}_squares.npy")
        self._west, self._south, self._columns, self._rows = map(int, open_column(folder / f"{name}_grid.npy"))

    def within(self, min_e: float, min_n: float, max_e: float, max_n: float) -> Column:
        """Return rows in the rectangle (metres, edges included), in no defined order."""
        west, south, east, north = (round(metres * 100) for metres in (min_e, min_n, max_e, max_n))
        rows = self._around(west, south, east, north)
        eastings, northings = self.eastings[rows], self.northings[rows]
        inside = (eastings >= west) & (eastings <= east) & (northings >= south) & (northings <= north)
        return rows[inside]

    def nearest(self, easting: float, northing: float, radius: float, limit: int) -> tuple[Column, Column]:
        """Return at most `limit` rows within `radius` metres and their distances in metres, nearest first; ties by row."""
        at_e, at_n, farthest = easting * 100, northing * 100, radius * 100
        reach = min(farthest, FIRST_RADIUS)
        while True:
            rows = self._around(*(round(side) for side in (at_e - reach - 1, at_n - reach - 1, at_e + reach + 1, at_n + reach + 1)))
            distances = np.hypot(self.eastings[rows] - at_e, self.northings[rows] - at_n)
            near = distances <= reach + 1e-6
            rows, distances = rows[near], distances[near]
            if len(rows) >= limit or reach >= farthest:
                best = np.lexsort((rows, distances))[:limit]
                return rows[best], distances[best] / 100
            reach = min(farthest, reach * 3)

    def _around(self, west: int, south: int, east: int, north: int) -> Column:
        """Return the rows of every square that the rectangle (centimetres) touches."""
        first, last = max(west // SQUARE - self._west, 0), min(east // SQUARE - self._west, self._columns - 1)
        lowest, highest = max(south // SQUARE - self._south, 0), min(north // SQUARE - self._south, self._rows - 1)
        if first > last or lowest > highest:
            return self._order[:0]
        begins = np.arange(lowest, highest + 1) * self._columns
        pairs = zip(self._starts[begins + first].tolist(), self._starts[begins + last + 1].tolist(), strict=True)
        return np.concatenate([self._order[start:end] for start, end in pairs])
