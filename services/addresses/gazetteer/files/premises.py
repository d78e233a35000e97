"""The premises of a release: records, and columns for position, borough, kind, parent and order.

`builds.premises` writes them.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.geography.postcode import PartialPostcode
from services.addresses.domain.search.result import Found, ResultKind

from .columns import Column, Texts, elements, map_file, open_column
from .display_lines import ShownLines
from .points import Points
from .record_codec import RecordReader

SHELL, HISTORICAL = 1, 2
"""Bits of the column `marks`."""
_KINDS = (ResultKind.PREMISES, ResultKind.SHELL)
_LONGEST_POSTCODE = 8


class PremisesFiles:
    """Reads the premises of a release. A row is a record's position in the order of UPRNs."""

    def __init__(self, folder: Path) -> None:
        self._codec, self._lines = RecordReader(folder), ShownLines(folder)
        self._records = memoryview(map_file(folder / "records"))
        self.uprns = open_column(folder / "uprns.npy")
        self.points = Points(folder, "premises")
        self._ends, self._uprn = elements(open_column(folder / "record_ends.npy")), elements(self.uprns)
        self._easting, self._northing = elements(self.points.eastings), elements(self.points.northings)
        self._latitude, self._longitude = (elements(open_column(folder / f"{name}.npy")) for name in ("latitudes", "longitudes"))
        codes = Texts(folder / "borough_codes")
        self.borough_codes = [codes[number] for number in range(len(codes))]
        self.boroughs, self.marks = open_column(folder / "boroughs.npy"), open_column(folder / "marks.npy")
        self._borough, self._mark = elements(self.boroughs), elements(self.marks)
        self._by_address = open_column(folder / "by_address.npy")
        self._codes, self._starts = open_column(folder / "postcode_codes.npy"), open_column(folder / "postcode_starts.npy")
        self._postcodes = open_column(folder / "postcodes.npy")
        self._postcode = elements(self._postcodes)
        self._parents, self._children = open_column(folder / "parents.npy"), open_column(folder / "children.npy")
        self._successors, self._predecessors = open_column(folder / "successors.npy"), open_column(folder / "predecessors.npy")

    def __len__(self) -> int:
        return len(self.uprns)

    def row(self, uprn: int) -> int | None:
        """Return the row of a UPRN, or None."""
        if not 0 <= uprn < 1 << 63:
            return None
        row = int(self.uprns.searchsorted(np.uint64(uprn)))
        return row if row < len(self.uprns) and int(self.uprns[row]) == uprn else None

    def record(self, row: int) -> Blpu:
        """Decode the record of a row."""
        return self._codec.decode(
            self._records[self._ends[row] : self._ends[row + 1]],
            self._uprn[row],
            (self._easting[row] / 100, self._northing[row] / 100, self._latitude[row] / 1e7, self._longitude[row] / 1e7),
        )

    def found(self, row: int) -> Found:
        """Return the row as a search result."""
        place = self._longitude[row] / 1e7, self._latitude[row] / 1e7
        postcode, kind = self.postcode_of(row), _KINDS[self._mark[row] & SHELL]
        return Found(kind, self._lines.line(row, postcode), postcode, self.borough_codes[self._borough[row]], *place, self._uprn[row])

    def is_historical(self, row: int) -> bool:
        """Return whether the row's BLPU is historical."""
        return bool(self._mark[row] & HISTORICAL)

    def is_shell(self, row: int) -> bool:
        """Return whether the row is a parent shell."""
        return bool(self._mark[row] & SHELL)

    def postcode_of(self, row: int) -> str:
        """Return the row's postcode, empty if it has none."""
        return self._codes.item(self._postcode[row]).decode()  # type: ignore[no-any-return]

    @property
    def postcode_numbers(self) -> Column:
        """Each row's position in `postcode_codes`."""
        return self._postcodes

    @property
    def postcode_code_column(self) -> Column:
        """Distinct postcodes of premises as bytes, ascending; one may be empty."""
        return self._codes

    @property
    def postcode_codes(self) -> list[str]:
        """Distinct postcodes of premises, ascending; one may be empty."""
        return [code.decode() for code in self._codes.tolist()]

    @property
    def parents(self) -> tuple[Column, Column]:
        """Pairs of a parent's UPRN, held or not, and a child's row, ordered by the parent's UPRN."""
        return self._parents, self._children

    def children(self, uprn: int) -> Column:
        """Return rows whose parent has this UPRN, in the order of their addresses."""
        first, last = self._parents.searchsorted(np.array([uprn, uprn + 1], np.uint64))
        return self._children[int(first) : int(last)]

    def predecessors(self, uprn: int) -> Column:
        """Return the UPRNs that this one succeeded, ascending; the release need not hold them."""
        first, last = self._successors.searchsorted(np.array([uprn, uprn + 1], np.uint64))
        return self._predecessors[int(first) : int(last)]

    def at_postcode(self, beginning: str, after: str) -> Column:
        """Return rows whose postcode is at least `beginning` and less than `after`, ordered by postcode and address."""
        if not beginning.isascii() or len(beginning) > _LONGEST_POSTCODE:
            return self._by_address[:0]
        first, last = self._codes.searchsorted(np.array([beginning, after], self._codes.dtype))
        return self._by_address[int(self._starts[int(first)]) : int(self._starts[int(last)])]

    def inside(self, rows: Column, area: Sequence[PartialPostcode], borough: str | None) -> Column:
        """Return the rows that lie in the borough (GSS code) and in one of the postcode areas; None or an empty area selects all."""
        if borough is not None and len(rows):
            number = self.borough_codes.index(borough) if borough in self.borough_codes else -1
            rows = rows[self.boroughs[rows] == number]
        if area and len(rows):
            codes, dtype = self._postcodes[rows], self._codes.dtype
            chosen = np.zeros(len(rows), bool)
            for begun in area:
                first, last = self._codes.searchsorted(np.array([begun.prefix, begun.after], dtype))
                chosen |= (codes >= first) & (codes < last)
            rows = rows[chosen]
        return rows
