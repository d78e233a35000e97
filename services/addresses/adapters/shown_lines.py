"""The address of each row in one line, as a search shows it, so that a result costs no reading of its record.

A line is kept in two parts: what comes before the street, by row, and the street with what follows it, numbered, for many rows share one.
The postcode, which is a column of its own, is left out. A line of another make is kept whole.
"""

import re
from array import array
from functools import lru_cache
from pathlib import Path

from .tables import Numbered, Texts, elements, map_file, open_column, write_column, write_texts

MOST_STREETS = 1_000_000
"""Numbers that one code point can be: with more streets lines are kept whole."""
_STREETS_KEPT_DECODED = 20_000
_PARTS = re.compile(r"(.*(?:[0-9][A-Za-z0-9-]*|,)) (.+, [^,]+)")
"""`Flat 2, 14`, `Quillfen Street, London`: the street begins after the last number or comma that leaves a comma behind it."""
_WHOLE, _FIRST = 0, 1
"""Code points that a row begins with: its line is whole, or has the street of that number, counted from `_FIRST`."""


class ShownLinesWriter:
    """Keeps lines in the order of their rows. `finish` writes the rest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines = (folder / "shown").open("wb")
        self._streets = Numbered()
        self._written, self._ends = 0, array("Q", [0])

    def add(self, line: str, postcode: str) -> None:
        """Keep the next row's line, with its postcode."""
        encoded = self._parts(line, f", {postcode}" if postcode else "").encode("utf-8", "surrogatepass")
        self._lines.write(encoded)
        self._written += len(encoded)
        self._ends.append(self._written)

    def _parts(self, line: str, end: str) -> str:
        if line.endswith(end) and (found := _PARTS.fullmatch(line.removesuffix(end))):
            street = found[2]
            if street in self._streets.numbers or len(self._streets.numbers) < MOST_STREETS:
                return chr(_FIRST + self._streets.of(street)) + found[1]
        return chr(_WHOLE) + line

    def finish(self) -> None:
        """Write where each line ends, and the streets."""
        self._lines.close()
        write_column(self._folder / "shown_ends.npy", self._ends, "<u4" if self._written < 1 << 32 else "<u8")
        write_texts(self._folder / "shown_streets", self._streets.numbers)


class ShownLines:
    """The lines of one release."""

    def __init__(self, folder: Path) -> None:
        self._lines = memoryview(map_file(folder / "shown"))
        self._ends = elements(open_column(folder / "shown_ends.npy"))
        self._street = lru_cache(_STREETS_KEPT_DECODED)(Texts(folder / "shown_streets").__getitem__)

    def line(self, row: int, postcode: str) -> str:
        """The row's line with its postcode, empty where it has none: `Flat 2, 14 Quillfen Street, London, NW1 1AA`."""
        kept = str(self._lines[self._ends[row] : self._ends[row + 1]], "utf-8", "surrogatepass")
        street = ord(kept[0]) - _FIRST
        if street < 0:
            return kept[1:]
        return f"{kept[1:]} {self._street(street)}, {postcode}" if postcode else f"{kept[1:]} {self._street(street)}"
