"""The address of each row in one line, as a search shows it, so that a result costs no reading of its record.

A line is kept in two parts: what comes before the street, by row, and the street with what follows it, numbered, for many rows share one.
The postcode, which is a column of its own, is left out. A line of another make is kept whole.
"""

import re
from array import array
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from .columns import Column, Numbered, Texts, elements, map_file, open_column, write_column, write_texts

LINES = "shown"
MOST_STREETS = 1_000_000
"""Numbers that one code point can be: with more streets lines are kept whole."""
_STREETS_KEPT_DECODED = 20_000
_PARTS = re.compile(r"(.*(?:[0-9][A-Za-z0-9-]*|,)) (.+, [^,]+)")
"""`Flat 2, 14`, `Quillfen Street, London`: the street begins after the last number or comma that leaves a comma behind it."""
_WHOLE, _FIRST = 0, 1
"""Code points that a row begins with: its line is whole, or has the street of that number, counted from `_FIRST`."""


class LinesGathered:
    """Lines in the order of their rows; they go to `lines`."""

    def __init__(self, lines: BinaryIO, streets: Iterable[str] = ()) -> None:
        """`streets` are those of an earlier release, which keep their numbers."""
        self._lines = lines
        self.ends = array("Q", [0])
        self.streets = Numbered()
        for street in streets:
            self.streets.of(street)

    def add(self, line: str, postcode: str) -> None:
        """Keep the next row's line, with its postcode."""
        kept = self._parts(line, f", {postcode}" if postcode else "").encode("utf-8", "surrogatepass")
        self._lines.write(kept)
        self.ends.append(self.ends[-1] + len(kept))

    def _parts(self, line: str, end: str) -> str:
        if line.endswith(end) and (found := _PARTS.fullmatch(line.removesuffix(end))):
            street = found[2]
            if street in self.streets.numbers or len(self.streets.numbers) < MOST_STREETS:
                return chr(_FIRST + self.streets.of(street)) + found[1]
        return chr(_WHOLE) + line


def write_ends(folder: Path, ends: Column, streets: Iterable[str]) -> None:
    """Write where the line of each row ends, and the streets, beside the lines."""
    write_column(folder / "shown_ends.npy", ends, "<u4" if int(ends[-1]) < 1 << 32 else "<u8")
    write_texts(folder / "shown_streets", streets)


def read_ends(folder: Path) -> tuple[Column, list[str]]:
    """What `write_ends` wrote."""
    streets = Texts(folder / "shown_streets")
    return open_column(folder / "shown_ends.npy"), [streets[number] for number in range(len(streets))]


class ShownLines:
    """The lines of one release."""

    def __init__(self, folder: Path) -> None:
        self._lines = memoryview(map_file(folder / LINES))
        self._ends = elements(open_column(folder / "shown_ends.npy"))
        self._street = lru_cache(_STREETS_KEPT_DECODED)(Texts(folder / "shown_streets").__getitem__)

    def line(self, row: int, postcode: str) -> str:
        """The row's line with its postcode, empty where it has none: `Flat 2, 14 Quillfen Street, London, NW1 1AA`."""
        kept = str(self._lines[self._ends[row] : self._ends[row + 1]], "utf-8", "surrogatepass")
        street = ord(kept[0]) - _FIRST
        if street < 0:
            return kept[1:]
        return f"{kept[1:]} {self._street(street)}, {postcode}" if postcode else f"{kept[1:]} {self._street(street)}"
