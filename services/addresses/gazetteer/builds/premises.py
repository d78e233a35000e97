"""Writes the premises of a release: records, and columns with a row per record in the order of UPRNs."""

import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from services.addresses.domain.addressbase.fingerprint import fingerprint
from services.addresses.domain.addressbase.records import Blpu, LogicalStatus, Numbering
from services.addresses.domain.addressbase.single_line import line
from services.addresses.domain.search.result import ResultKind, kind_of, shown_line
from services.addresses.gazetteer.files.columns import Column, Numbered, write_column, write_texts
from services.addresses.gazetteer.files.display_lines import LINES, LinesGathered, write_ends
from services.addresses.gazetteer.files.points import write_points
from services.addresses.gazetteer.files.premises import HISTORICAL, SHELL
from services.addresses.gazetteer.files.record_codec import RecordWriter

_NUMBER_IN_TEXT = re.compile(r"[0-9]+")
_MOST_NUMBER = 1 << 20

Pairs = tuple[Column, Column]
Place = tuple[str, int, tuple[str, str], int, tuple[str, str]]


class AddressKey(NamedTuple):
    """The sort key of an address within its postcode: street, number and name of the building, number and name within."""

    street: str = ""
    pao: int = 0
    pao_text: str = ""
    sao: int = 0
    sao_text: str = ""

    @classmethod
    def of(cls, blpu: Blpu, texts: Mapping[str, int]) -> "AddressKey":
        """Return the key of the first LPI. A text missing from the full dictionary `texts` sorts first."""
        if not blpu.lpis:
            return _NO_ADDRESS
        lpi = blpu.lpis[0]
        pao_text, sao_text = (text if text in texts else "" for text in (lpi.pao_text, lpi.sao_text))
        return cls(lpi.street, _number(lpi.pao, lpi.pao_text), pao_text, _number(lpi.sao, lpi.sao_text), sao_text)

    def place(self) -> Place:
        """Return a tuple that sorts in the order of addresses."""
        return self.street, self.pao, natural(self.pao_text), self.sao, natural(self.sao_text)


_NO_ADDRESS = AddressKey()


def natural(text: str) -> tuple[str, str]:
    """Return a key that sorts `FLAT 10` after `FLAT 2`."""
    return _NUMBER_IN_TEXT.sub(lambda found: found[0].zfill(9), text), text


def _number(numbering: Numbering, text: str) -> int:
    """Return the number with its suffix, or the first number in the text; 0 without one."""
    if numbering.start_number is not None:
        suffix = ord(numbering.start_suffix[0]) & 31 if numbering.start_suffix else 0
        return min(numbering.start_number, _MOST_NUMBER) << 5 | suffix
    found = _NUMBER_IN_TEXT.search(text) if text else None
    return min(int(found[0][:9]), _MOST_NUMBER) << 5 if found else 0


class PremisesGathered:
    """Collects the columns of records in the order of their rows; writes records to `records` and display lines to `lines`."""

    def __init__(self, codec: RecordWriter, records: BinaryIO, lines: LinesGathered) -> None:
        self._codec, self._records, self.lines = codec, records, lines
        self.uprns, self.ends, self.fingerprints = array("Q"), array("Q", [0]), array("Q")
        self.eastings, self.northings = array("i"), array("i")
        self.latitudes, self.longitudes = array("i"), array("i")
        self.marks, self.boroughs = array("B"), array("B")
        self.postcodes = array("I")
        self.borough_codes, self.postcode_codes = Numbered(), Numbered()
        """Dictionaries of the numbers in `boroughs` and `postcodes`."""
        self.parents = array("Q"), array("I")
        """UPRN of the parent, row of the child."""
        self.successors = array("Q"), array("Q")
        """UPRN of the successor, UPRN of its predecessor."""
        self.other_streets = array("I"), array("I")
        """USRN of an LPI on another street than the first, and its row."""

    def add(self, blpu: Blpu) -> None:
        """Write one. Raises ValueError where its UPRN is not above the last."""
        if self.uprns and blpu.uprn <= self.uprns[-1]:
            raise ValueError(f"UPRN {blpu.uprn} comes after {self.uprns[-1]}: records must be in the order of their UPRNs, each once")
        row = len(self.uprns)
        record = self._codec.encode(blpu)
        self._records.write(record)
        self.ends.append(self.ends[-1] + len(record))
        if blpu.parent_uprn is not None:
            _append(self.parents, blpu.parent_uprn, row)
        for successor in blpu.successors:
            _append(self.successors, successor, blpu.uprn)
        if len(blpu.lpis) > 1:
            for usrn in sorted({lpi.usrn for lpi in blpu.lpis[1:]} - {blpu.lpis[0].usrn}):
                _append(self.other_streets, usrn, row)
        self.uprns.append(blpu.uprn)
        self.fingerprints.append(fingerprint(blpu))
        self.eastings.append(round(blpu.easting * 100))
        self.northings.append(round(blpu.northing * 100))
        self.latitudes.append(round(blpu.latitude * 1e7))
        self.longitudes.append(round(blpu.longitude * 1e7))
        self.boroughs.append(self.borough_codes.of(blpu.borough))
        historical = blpu.logical_status is LogicalStatus.HISTORICAL
        self.marks.append(SHELL * (kind_of(blpu.classification) is ResultKind.SHELL) | HISTORICAL * historical)
        self.postcodes.append(self.postcode_codes.of(blpu.postcode))
        self.lines.add(shown_line(line(blpu), blpu.postcode), blpu.postcode)


def _append(pairs: tuple["array[int]", "array[int]"], first: int, second: int) -> None:
    pairs[0].append(first)
    pairs[1].append(second)


@dataclass(frozen=True, slots=True)
class PremisesColumns:
    """The columns of a release without the order by address; `PremisesGathered` describes the pairs."""

    uprns: Column
    ends: Column
    fingerprints: Column
    eastings: Column
    northings: Column
    latitudes: Column
    longitudes: Column
    marks: Column
    boroughs: Column
    borough_codes: Sequence[str]
    postcodes: Column
    """Positions in `postcode_codes`."""
    postcode_codes: Sequence[str]
    """Ascending."""
    parents: Pairs
    successors: Pairs
    other_streets: Pairs

    def write(self, folder: Path, by_address: Column) -> None:
        """Write the columns, and the rows in the order of postcode and address."""
        write_column(folder / "uprns.npy", self.uprns, "<u8")
        write_column(folder / "fingerprints.npy", self.fingerprints, "<u8")
        write_column(folder / "record_ends.npy", self.ends, "<u4" if int(self.ends[-1]) < 1 << 32 else "<u8")
        write_points(folder, "premises", self.eastings, self.northings)
        write_column(folder / "latitudes.npy", self.latitudes, "<i4")
        write_column(folder / "longitudes.npy", self.longitudes, "<i4")
        write_column(folder / "boroughs.npy", self.boroughs, "u1")
        write_texts(folder / "borough_codes", self.borough_codes)
        write_column(folder / "marks.npy", self.marks, "u1")
        self._write_order(folder, by_address)
        self._write_pairs(folder, by_address)

    def _write_order(self, folder: Path, by_address: Column) -> None:
        codes = self.postcode_codes
        starts = np.concatenate([[0], np.cumsum(np.bincount(self.postcodes, minlength=len(codes)))])
        write_column(folder / "by_address.npy", by_address, "<u4")
        write_column(folder / "postcodes.npy", self.postcodes, "<u4")
        write_column(folder / "postcode_starts.npy", starts, "<u4")
        write_column(folder / "postcode_codes.npy", np.array(codes or [""], "S8")[: len(codes)], "S8")

    def _write_pairs(self, folder: Path, by_address: Column) -> None:
        """Write parents with children in the order of addresses, and the other pairs in ascending order."""
        places = np.empty(len(by_address), np.uint32)
        places[by_address] = np.arange(len(by_address), dtype=np.uint32)
        parents, children = self.parents
        order = np.lexsort((places[children], parents))
        write_column(folder / "parents.npy", parents[order], "<u8")
        write_column(folder / "children.npy", children[order], "<u4")
        successors, predecessors = self.successors
        order = np.lexsort((predecessors, successors))
        write_column(folder / "successors.npy", successors[order], "<u8")
        write_column(folder / "predecessors.npy", predecessors[order], "<u8")
        usrns, rows = self.other_streets
        order = np.lexsort((rows, usrns))
        write_column(folder / "other_street_usrns.npy", usrns[order], "<u4")
        write_column(folder / "other_street_rows.npy", rows[order], "<u4")


class PremisesWriter:
    """Writes records, whose UPRNs must ascend. `finish` writes the columns."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._records, self._lines = (folder / "records").open("wb"), (folder / LINES).open("wb")
        self._codec = RecordWriter()
        self._gathered = PremisesGathered(self._codec, self._records, LinesGathered(self._lines))
        self._keys = [array("I") for _ in AddressKey._fields]
        self._streets = Numbered()

    def add(self, blpu: Blpu) -> None:
        """Write one. Raises ValueError where its UPRN is not above the last."""
        self._gathered.add(blpu)
        key, text = AddressKey.of(blpu, self._codec.texts.numbers), self._codec.texts.numbers.__getitem__
        numbered = (self._streets.of(key.street), key.pao, text(key.pao_text), key.sao, text(key.sao_text))
        for column, number in zip(self._keys, numbered, strict=True):
            column.append(number)

    def finish(self) -> int:
        """Write the columns; return the number of premises."""
        self._records.close()
        self._lines.close()
        self._codec.write(self._folder)
        lines = self._gathered.lines
        write_ends(self._folder, np.asarray(lines.ends, np.uint64), lines.streets.numbers)
        columns = self._columns()
        columns.write(self._folder, self._by_address(columns.postcodes))
        return len(columns.uprns)

    def _columns(self) -> PremisesColumns:
        found = self._gathered
        codes = sorted(found.postcode_codes.numbers)
        return PremisesColumns(
            uprns=np.asarray(found.uprns, np.uint64),
            ends=np.asarray(found.ends, np.uint64),
            fingerprints=np.asarray(found.fingerprints, np.uint64),
            eastings=np.asarray(found.eastings, np.int32),
            northings=np.asarray(found.northings, np.int32),
            latitudes=np.asarray(found.latitudes, np.int32),
            longitudes=np.asarray(found.longitudes, np.int32),
            marks=np.asarray(found.marks, np.uint8),
            boroughs=np.asarray(found.boroughs, np.uint8),
            borough_codes=list(found.borough_codes.numbers),
            postcodes=_ranks(found.postcode_codes.numbers, codes)[np.asarray(found.postcodes, np.uint32)],
            postcode_codes=codes,
            parents=(np.asarray(found.parents[0], np.uint64), np.asarray(found.parents[1], np.uint32)),
            successors=(np.asarray(found.successors[0], np.uint64), np.asarray(found.successors[1], np.uint64)),
            other_streets=(np.asarray(found.other_streets[0], np.uint32), np.asarray(found.other_streets[1], np.uint32)),
        )

    def _by_address(self, postcodes: Column) -> Column:
        """Return rows in the order of postcode and address."""
        texts = _ranks(self._codec.texts.numbers, sorted(self._codec.texts.numbers, key=natural))
        streets = _ranks(self._streets.numbers, sorted(self._streets.numbers))
        street, pao, pao_text, sao, sao_text = (np.asarray(column, np.uint32) for column in self._keys)
        return np.lexsort((texts[sao_text], sao, texts[pao_text], pao, streets[street], postcodes)).astype(np.uint32)


def _ranks(numbers: dict[str, int], ordered: list[str]) -> Column:
    """Return per number the rank of its value in `ordered`."""
    ranks = np.zeros(len(numbers), np.uint32)
    ranks[[numbers[text] for text in ordered]] = np.arange(len(ordered), dtype=np.uint32)
    return ranks
