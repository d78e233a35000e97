"""Builds the premises of a release from an earlier one: extends dictionaries, splices columns, orders addresses."""

import json
from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np

from services.addresses.domain.addressbase.records import Blpu
from services.addresses.gazetteer.files.columns import Column, Numbered, Texts, map_file, open_column, tuples
from services.addresses.gazetteer.files.display_lines import LINES, LinesGathered, read_ends, write_ends
from services.addresses.gazetteer.files.premises import PremisesFiles
from services.addresses.gazetteer.files.record_codec import DICTIONARIES, RecordWriter
from services.addresses.gazetteer.search.documents import GONE

from .premises import AddressKey, Place, PremisesColumns, PremisesGathered
from .splice import Splice

_ROWS_KEPT_DECODED = 100_000


class FreshPremises:
    """Encodes fresh records with the extended dictionaries of an earlier release, so that its records stay valid."""

    def __init__(self, base: Path) -> None:
        self.codec, self.records, self.lines = _dictionaries_of(base), BytesIO(), BytesIO()
        self.gathered = PremisesGathered(self.codec, self.records, LinesGathered(self.lines, read_ends(base)[1]))
        for code in PremisesFiles(base).borough_codes:
            self.gathered.borough_codes.of(code)
        self.keys: list[AddressKey] = []

    def add(self, blpu: Blpu) -> None:
        """Add a record. Records come in the order of UPRNs."""
        self.gathered.add(blpu)
        self.keys.append(AddressKey.of(blpu, self.codec.texts.numbers))


def _dictionaries_of(folder: Path) -> RecordWriter:
    writer = RecordWriter()
    for name in DICTIONARIES:
        texts, numbered = Texts(folder / name), getattr(writer, name)
        for number in range(len(texts)):
            numbered.of(_entry(name, texts[number]))
    return writer


def _entry(name: str, text: str) -> object:
    if name == "texts":
        return text
    if name == "dates":
        return date.fromisoformat(text) if text else None
    return tuples(json.loads(text))


def merge_premises(folder: Path, base: Path, splice: Splice, coming: FreshPremises) -> int:
    """Write the premises of `base` spliced with fresh ones; return the number of premises."""
    fresh = coming.gathered
    coming.codec.write(folder)
    records = coming.records.getbuffer()
    ends = open_column(base / "record_ends.npy"), np.array(fresh.ends, np.uint64)
    written = splice.write_bytes(folder / "records", memoryview(map_file(base / "records")), ends[0], records, ends[1])
    _write_lines(folder, base, splice, coming)
    codes, postcodes, fresh_postcodes = _postcodes(base, splice, fresh)
    columns = PremisesColumns(
        uprns=_spliced(base, splice, "uprns", fresh.uprns),
        ends=written,
        fingerprints=_spliced(base, splice, "fingerprints", fresh.fingerprints),
        eastings=_spliced(base, splice, "premises_eastings", fresh.eastings),
        northings=_spliced(base, splice, "premises_northings", fresh.northings),
        latitudes=_spliced(base, splice, "latitudes", fresh.latitudes),
        longitudes=_spliced(base, splice, "longitudes", fresh.longitudes),
        marks=_spliced(base, splice, "marks", fresh.marks),
        boroughs=_spliced(base, splice, "boroughs", fresh.boroughs),
        borough_codes=list(fresh.borough_codes.numbers),
        postcodes=postcodes,
        postcode_codes=[code.decode() for code in codes.tolist()],
        parents=splice.pairs(_pair(base, "parents", "children"), _arrays(fresh.parents, np.uint64, np.uint32)),
        successors=_successors(base, splice, fresh),
        other_streets=splice.pairs(
            _pair(base, "other_street_usrns", "other_street_rows"), _arrays(fresh.other_streets, np.uint32, np.uint32)
        ),
    )
    columns.write(folder, _ByAddress(base, splice, coming.codec.texts).order(fresh, fresh_postcodes, coming.keys))
    return splice.count


def _write_lines(folder: Path, base: Path, splice: Splice, coming: FreshPremises) -> None:
    fresh = coming.gathered.lines
    before, fresh_ends = memoryview(map_file(base / LINES)), np.array(fresh.ends, np.uint64)
    ends = splice.write_bytes(folder / LINES, before, read_ends(base)[0], coming.lines.getbuffer(), fresh_ends)
    write_ends(folder, ends, fresh.streets.numbers)


def _spliced(base: Path, splice: Splice, name: str, fresh: Sequence[int]) -> Column:
    before = open_column(base / f"{name}.npy")
    return splice.column(before, np.array(fresh, before.dtype))


def _pair(base: Path, first: str, second: str) -> tuple[Column, Column]:
    return open_column(base / f"{first}.npy"), open_column(base / f"{second}.npy")


def _arrays(pairs: tuple[Sequence[int], Sequence[int]], first: type, second: type) -> tuple[Column, Column]:
    return np.array(pairs[0], first), np.array(pairs[1], second)


def _postcodes(base: Path, splice: Splice, fresh: PremisesGathered) -> tuple[Column, Column, Column]:
    """Return the distinct postcodes, ascending; each row's position among them; each fresh row's postcode."""
    before = open_column(base / "postcode_codes.npy")
    named = np.array([*fresh.postcode_codes.numbers, ""], before.dtype)[:-1]
    codes = np.unique(np.concatenate([before, named]))
    numbers = np.array(fresh.postcodes, np.uint32)
    old = codes.searchsorted(before).astype(np.uint32)[open_column(base / "postcodes.npy")]
    all_rows = splice.column(old, codes.searchsorted(named).astype(np.uint32)[numbers])
    used = np.bincount(all_rows, minlength=len(codes)) > 0
    return codes[used], (np.cumsum(used) - 1).astype(np.uint32)[all_rows], named[numbers]


def _successors(base: Path, splice: Splice, fresh: PremisesGathered) -> tuple[Column, Column]:
    """Return pairs of a successor and its predecessor, whose record names the successor."""
    uprns, (successors, predecessors) = open_column(base / "uprns.npy"), _pair(base, "successors", "predecessors")
    stay = splice.row_of[uprns.searchsorted(predecessors)] != GONE
    coming = _arrays(fresh.successors, np.uint64, np.uint64)
    return np.concatenate([successors[stay], coming[0]]), np.concatenate([predecessors[stay], coming[1]])


class _ByAddress:
    """Orders rows by postcode and address: staying rows keep their order, and fresh ones are inserted."""

    def __init__(self, base: Path, splice: Splice, texts: Numbered) -> None:
        self._premises, self._splice, self._texts = PremisesFiles(base), splice, texts
        self._order = open_column(base / "by_address.npy")
        self._codes, self._starts = open_column(base / "postcode_codes.npy"), open_column(base / "postcode_starts.npy")
        stays = splice.stays[self._order]
        self._staying = self._order[stays]
        self._before = np.concatenate([np.zeros(1, np.int64), np.cumsum(stays)])
        """Per position in the earlier order, the number of staying rows before it."""
        self._key = lru_cache(_ROWS_KEPT_DECODED)(self._read_key)

    def order(self, fresh: PremisesGathered, postcodes: Column, keys: Sequence[AddressKey]) -> Column:
        """Return all rows of the new release in order."""
        places = np.empty(len(self._order), np.uint32)
        places[self._order] = np.arange(len(self._order), dtype=np.uint32)
        coming = []
        for at, (uprn, postcode, key) in enumerate(zip(fresh.uprns, postcodes.tolist(), keys, strict=True)):
            row = self._premises.row(uprn)
            if row is not None and self._premises.postcode_of(row).encode() == postcode and self._key(row) == key:
                place = int(self._before[places[row]])
            else:
                place = self._place(postcode, key, uprn)
            coming.append((place, postcode, key.place(), at))
        coming.sort()
        between = np.array([place for place, *_ in coming], np.int64)
        rows = self._splice.fresh_rows[np.array([at for *_, at in coming], np.int64)]
        return np.insert(self._splice.row_of[self._staying], between, rows)

    def _place(self, postcode: bytes, key: AddressKey, uprn: int) -> int:
        """Return how many staying rows come before an address."""
        code = int(self._codes.searchsorted(np.array(postcode, self._codes.dtype)))
        first = int(self._before[self._starts[code]])
        if code == len(self._codes) or self._codes[code] != postcode:
            return first
        last, uprns = int(self._before[self._starts[code + 1]]), self._premises.uprns

        def of_staying(row: int) -> tuple[Place, int]:
            return self._key(row).place(), int(uprns[row])

        return first + bisect_left(self._staying[first:last].tolist(), (key.place(), uprn), key=of_staying)

    def _read_key(self, row: int) -> AddressKey:
        return AddressKey.of(self._premises.record(row), self._texts.numbers)
