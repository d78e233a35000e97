"""The one-line address of each row, stored so that a search result needs no decoding of its record.

A line has two parts: the text before the street, stored by row, and the street with the text after it, numbered and shared by many rows.
The line omits the postcode, which has a column of its own. A line of another shape is stored whole.
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
"""Streets that one code point can number; lines of further streets are stored whole."""
_STREETS_KEPT_DECODED = 20_000
_PARTS = re.compile(r"(.*(?:[0-9][A-Za-z0-9-]*|,)) (.+, [^,]+)")
"""Splits `Flat 2, 14 Quillfen Street, London`: the street begins after the last number or comma that has a comma after it."""
_WHOLE, _FIRST = 0, 1
"""The first code point of a row: `_WHOLE` marks a whole line, a higher one gives the street's number, counted from `_FIRST`."""


class LinesGathered:
    """Collects lines in the order of their rows and writes them to `lines`."""

    def __init__(self, lines: BinaryIO, streets: Iterable[str] = ()) -> None:
        """Start from the `streets` of an earlier release, which keep their numbers."""
        self._lines = lines
        self.ends = array("Q", [0])
        self.streets = Numbered()
        for street in streets:
            self.streets.of(street)

    def add(self, line: str, postcode: str) -> None:
        """Write the next row's line without its postcode."""
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
    """Write the end of each row's line, and the streets, beside the lines."""
    write_column(folder / "shown_ends.npy", ends, "<u4" if int(ends[-1]) < 1 << 32 else "<u8")
    write_texts(folder / "shown_streets", streets)


def read_ends(folder: Path) -> tuple[Column, list[str]]:
    """Read the ends and the streets that `write_ends` wrote."""
    streets = Texts(folder / "shown_streets")
    return open_column(folder / "shown_ends.npy"), [streets[number] for number in range(len(streets))]


class ShownLines:
    """The lines of one release."""

    def __init__(self, folder: Path) -> None:
        self._lines = memoryview(map_file(folder / LINES))
        self._ends = elements(open_column(folder / "shown_ends.npy"))
        self._street = lru_cache(_STREETS_KEPT_DECODED)(Texts(folder / "shown_streets").__getitem__)

    def line(self, row: int, postcode: str) -> str:
        """Return the row's line with its postcode, if it has one: `Flat 2, 14 Quillfen Street, London, NW1 1AA`."""
        kept = str(self._lines[self._ends[row] : self._ends[row + 1]], "utf-8", "surrogatepass")
        street = ord(kept[0]) - _FIRST
        if street < 0:
            return kept[1:]
        return f"{kept[1:]} {self._street(street)}, {postcode}" if postcode else f"{kept[1:]} {self._street(street)}"
