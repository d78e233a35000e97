"""The premises of a release: their records, and the columns that say where each is, what it is, whose child, and in which order."""

import re
from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from services.addresses.domain.fingerprints import fingerprint
from services.addresses.domain.found import Found, kind_of, shown_line
from services.addresses.domain.postcode import PartialPostcode
from services.addresses.domain.records import Blpu, LogicalStatus, Lpi, Numbering

from .codec import RecordReader, RecordWriter
from .spatial import Column, Points, write_points
from .tables import Numbered, Texts, elements, map_file, open_column, write_column, write_texts

SHELL, HISTORICAL = 1, 2
"""Bits of the column `marks`."""
_PARENT_SHELL = "P"
"""Classification codes of parent shells begin so: PP a property shell, PS a street record."""
_LONGEST_POSTCODE = 8
_NUMBER_IN_TEXT = re.compile(r"[0-9]+")


class PremisesWriter:
    """Writes records in the order they come, which is that of their UPRNs. `finish` writes the rest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._records = (folder / "records").open("wb")
        self._codec = RecordWriter()
        self._uprns, self._ends, self._fingerprints = array("Q"), array("Q", [0]), array("Q")
        self._eastings, self._northings = array("i"), array("i")
        self._latitudes, self._longitudes = array("i"), array("i")
        self._boroughs, self._marks = array("B"), array("B")
        self._parents = array("Q"), array("I")
        self._successors = array("Q"), array("Q")
        self._postcode, self._keys = array("I"), [array("I") for _ in range(5)]
        self._borough_codes, self._postcodes, self._streets = Numbered(), Numbered(), Numbered()
        self._last, self._written = -1, 0

    def add(self, blpu: Blpu) -> None:
        """Write one. Raises ValueError where its UPRN is not above the last."""
        if blpu.uprn <= self._last:
            raise ValueError(f"UPRN {blpu.uprn} comes after {self._last}: records must be in the order of their UPRNs, each once")
        self._last = blpu.uprn
        record = self._codec.encode(blpu)
        self._records.write(record)
        self._written += len(record)
        if blpu.parent_uprn is not None:
            self._parents[0].append(blpu.parent_uprn)
            self._parents[1].append(len(self._uprns))
        for successor in blpu.successors:
            self._successors[0].append(successor)
            self._successors[1].append(blpu.uprn)
        self._uprns.append(blpu.uprn)
        self._fingerprints.append(fingerprint(blpu))
        self._ends.append(self._written)
        self._eastings.append(round(blpu.easting * 100))
        self._northings.append(round(blpu.northing * 100))
        self._latitudes.append(round(blpu.latitude * 1e7))
        self._longitudes.append(round(blpu.longitude * 1e7))
        self._boroughs.append(self._borough_codes.of(blpu.borough))
        historical = blpu.logical_status is LogicalStatus.HISTORICAL
        self._marks.append(SHELL * blpu.classification.startswith(_PARENT_SHELL) | HISTORICAL * historical)
        self._postcode.append(self._postcodes.of(blpu.postcode))
        for column, value in zip(self._keys, self._key(blpu.lpis[0] if blpu.lpis else None), strict=True):
            column.append(value)

    def _key(self, lpi: Lpi | None) -> tuple[int, int, int, int, int]:
        """What an address is ordered by within its postcode: street, number and name of the building, number and name within."""
        if lpi is None:
            return 0, 0, 0, 0, 0
        place = self._codec.texts.numbers.get  # a text that the full dictionary does not hold comes first
        street = self._streets.of(lpi.street)
        return street, _number(lpi.pao, lpi.pao_text), place(lpi.pao_text, 0), _number(lpi.sao, lpi.sao_text), place(lpi.sao_text, 0)

    def finish(self) -> int:
        """Write the columns; how many premises there are."""
        self._records.close()
        folder, count = self._folder, len(self._uprns)
        self._codec.write(folder)
        write_column(folder / "uprns.npy", self._uprns, "<u8")
        write_column(folder / "fingerprints.npy", self._fingerprints, "<u8")
        write_column(folder / "record_ends.npy", self._ends, "<u4" if self._written < 1 << 32 else "<u8")
        write_points(folder, "premises", np.array(self._eastings, np.int32), np.array(self._northings, np.int32))
        write_column(folder / "latitudes.npy", self._latitudes, "<i4")
        write_column(folder / "longitudes.npy", self._longitudes, "<i4")
        write_column(folder / "boroughs.npy", self._boroughs, "u1")
        write_texts(folder / "borough_codes", self._borough_codes.numbers)
        write_column(folder / "marks.npy", self._marks, "u1")
        places = self._write_order()
        self._write_children(places)
        self._write_predecessors()
        return count

    def _write_order(self) -> Column:
        """Rows in the order of postcode and address, where each postcode begins in it; each row's place in it."""
        codes = sorted(self._postcodes.numbers)
        rank = _ranks(self._postcodes.numbers, codes)
        postcode = rank[np.array(self._postcode, np.uint32)]
        texts = _ranks(self._codec.texts.numbers, sorted(self._codec.texts.numbers, key=_natural))
        streets = _ranks(self._streets.numbers, sorted(self._streets.numbers))
        street, pao, pao_text, sao, sao_text = (np.array(column, np.uint32) for column in self._keys)
        named = streets[street] if len(streets) else street
        order = np.lexsort((texts[sao_text], sao, texts[pao_text], pao, named, postcode)).astype(np.uint32)
        write_column(self._folder / "by_address.npy", order, "<u4")
        write_column(self._folder / "postcodes.npy", postcode, "<u4")
        write_column(self._folder / "postcode_starts.npy", np.searchsorted(postcode[order], np.arange(len(codes) + 1)), "<u4")
        write_column(self._folder / "postcode_codes.npy", np.array(codes or [""], "S8")[: len(codes)], "S8")
        places = np.empty(len(order), np.uint32)
        places[order] = np.arange(len(order), dtype=np.uint32)
        return places

    def _write_children(self, places: Column) -> None:
        """Pairs of the parent's UPRN and the child's row, in the order of parents and of addresses."""
        parents, children = np.array(self._parents[0], np.uint64), np.array(self._parents[1], np.uint32)
        order = np.lexsort((places[children], parents))
        write_column(self._folder / "parents.npy", parents[order], "<u8")
        write_column(self._folder / "children.npy", children[order], "<u4")

    def _write_predecessors(self) -> None:
        """Pairs of a successor's UPRN and that of what it took the place of, in the order of both."""
        successors, predecessors = (np.array(column, np.uint64) for column in self._successors)
        order = np.lexsort((predecessors, successors))
        write_column(self._folder / "successors.npy", successors[order], "<u8")
        write_column(self._folder / "predecessors.npy", predecessors[order], "<u8")


def _ranks(numbers: dict[str, int], ordered: list[str]) -> Column:
    """For each number its value's place in the order."""
    ranks = np.zeros(len(numbers), np.uint32)
    ranks[[numbers[text] for text in ordered]] = np.arange(len(ordered), dtype=np.uint32)
    return ranks


def _natural(text: str) -> str:
    """Orders `FLAT 10` after `FLAT 2`."""
    return _NUMBER_IN_TEXT.sub(lambda found: found[0].zfill(9), text)


def _number(numbering: Numbering, text: str) -> int:
    """The number with its suffix, else one in the text; 0 without."""
    if numbering.start_number is not None:
        suffix = ord(numbering.start_suffix[0]) & 31 if numbering.start_suffix else 0
        return min(numbering.start_number, 1 << 20) << 5 | suffix
    found = _NUMBER_IN_TEXT.search(text) if text else None
    return min(int(found[0][:9]), 1 << 20) << 5 if found else 0


class PremisesFiles:
    """The open files. A row is a record's place in the order of UPRNs."""

    def __init__(self, folder: Path) -> None:
        self._codec = RecordReader(folder)
        self._records = memoryview(map_file(folder / "records"))
        self.uprns = open_column(folder / "uprns.npy")
        self.points = Points(folder, "premises")
        self._ends, self._uprn = elements(open_column(folder / "record_ends.npy")), elements(self.uprns)
        self._easting, self._northing = elements(self.points.eastings), elements(self.points.northings)
        self._latitude, self._longitude = (elements(open_column(folder / f"{name}.npy")) for name in ("latitudes", "longitudes"))
        codes = Texts(folder / "borough_codes")
        self.borough_codes = [codes[number] for number in range(len(codes))]
        self.boroughs, self.marks = open_column(folder / "boroughs.npy"), open_column(folder / "marks.npy")
        self._by_address = open_column(folder / "by_address.npy")
        self._codes, self._starts = open_column(folder / "postcode_codes.npy"), open_column(folder / "postcode_starts.npy")
        self._postcodes = open_column(folder / "postcodes.npy")
        self._parents, self._children = open_column(folder / "parents.npy"), open_column(folder / "children.npy")
        self._successors, self._predecessors = open_column(folder / "successors.npy"), open_column(folder / "predecessors.npy")

    def __len__(self) -> int:
        return len(self.uprns)

    def row(self, uprn: int) -> int | None:
        """Where a UPRN's record is."""
        if not 0 <= uprn < 1 << 63:
            return None
        row = int(self.uprns.searchsorted(np.uint64(uprn)))
        return row if row < len(self.uprns) and int(self.uprns[row]) == uprn else None

    def record(self, row: int) -> Blpu:
        """The record."""
        return self._codec.decode(
            self._records[self._ends[row] : self._ends[row + 1]],
            self._uprn[row],
            (self._easting[row] / 100, self._northing[row] / 100, self._latitude[row] / 1e7, self._longitude[row] / 1e7),
        )

    def found(self, row: int) -> Found:
        """The record as a search shows it."""
        classification, borough, postcode, line = self._codec.shown(self._records[self._ends[row] : self._ends[row + 1]])
        place = self._longitude[row] / 1e7, self._latitude[row] / 1e7
        return Found(kind_of(classification), shown_line(line, postcode), postcode, borough, *place, self._uprn[row])

    def postcode_of(self, row: int) -> str:
        """The row's postcode, empty where it has none."""
        return self._codes[int(self._postcodes[row])].decode()  # type: ignore[no-any-return]

    @property
    def postcode_numbers(self) -> Column:
        """Of each row, which of `postcode_codes` it has."""
        return self._postcodes

    @property
    def postcode_code_column(self) -> Column:
        """The postcodes that premises have, in order, as bytes; one may be empty."""
        return self._codes

    @property
    def postcode_codes(self) -> list[str]:
        """The postcodes that premises have, in order; one may be empty."""
        return [code.decode() for code in self._codes.tolist()]

    @property
    def parents(self) -> tuple[Column, Column]:
        """UPRNs of parents, held or not, and the row of a child of each, in the order of the UPRNs."""
        return self._parents, self._children

    def children(self, uprn: int) -> Column:
        """Rows whose parent has this UPRN, in the order of their addresses."""
        first, last = self._parents.searchsorted(np.array([uprn, uprn + 1], np.uint64))
        return self._children[int(first) : int(last)]

    def predecessors(self, uprn: int) -> Column:
        """UPRNs of which this one is a successor, ascending; they need not be held."""
        first, last = self._successors.searchsorted(np.array([uprn, uprn + 1], np.uint64))
        return self._predecessors[int(first) : int(last)]

    def at_postcode(self, beginning: str, after: str) -> Column:
        """Rows whose postcode is from `beginning` up to, but not, `after`, in the order of postcode and address."""
        if not beginning.isascii() or len(beginning) > _LONGEST_POSTCODE:
            return self._by_address[:0]
        first, last = self._codes.searchsorted(np.array([beginning, after], self._codes.dtype))
        return self._by_address[int(self._starts[int(first)]) : int(self._starts[int(last)])]

    def inside(self, rows: Column, area: Sequence[PartialPostcode], borough: str | None) -> Column:
        """Those of the rows that are in the borough and at a postcode that begins as one of the area's."""
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
