"""Which row each document of the index is of.

Segments of a release that was built whole follow one another as the rows do. One that was made from an earlier release keeps that one's
segments, in which documents of records that are gone or otherwise now are of no row, and has a segment of what is new: its rows are a
column, `index_rows`.
"""

import json
from itertools import accumulate
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import tantivy

from services.addresses.gazetteer.files.columns import Column, elements, open_column
from services.addresses.gazetteer.files.index_schema import INDEX, schema

ROWS = "index_rows.npy"
GONE = 0xFFFFFFFF
"""The row of a document whose record is not in the release."""
_SPARE = 8
"""One document in so many is asked for beyond what is wanted, in place of those that are gone."""


class Documents(Protocol):
    """The documents of one index."""

    def rows(self, searcher: tantivy.Searcher, query: tantivy.Query, most: int) -> list[int]:
        """Rows of the documents that a query finds, those with the highest scores first, equals in the order of rows."""


class _Following:
    """Documents whose rows run on from the first of each segment."""

    def __init__(self, first_rows: list[int]) -> None:
        self._first_rows = first_rows

    def rows(self, searcher: tantivy.Searcher, query: tantivy.Query, most: int) -> list[int]:
        first = self._first_rows
        return [first[address.segment_ord] + address.doc for _, address in searcher.search(query, most, count=False).hits]


class _Numbered:
    """Documents whose rows are a column."""

    def __init__(self, rows: Column, sizes: list[int]) -> None:
        self._rows, self._firsts = elements(rows), list(accumulate(sizes, initial=0))

    def rows(self, searcher: tantivy.Searcher, query: tantivy.Query, most: int) -> list[int]:
        asked = most + most // _SPARE + _SPARE
        while True:
            hits = searcher.search(query, asked, count=False).hits
            ranked = [(-score, self._rows[self._firsts[address.segment_ord] + address.doc]) for score, address in hits]
            living = [entry for entry in ranked if entry[1] != GONE]
            if len(living) >= most or len(hits) < asked:
                living.sort()
                return [row for _, row in living[:most]]
            asked *= 4


class _Looked:
    """Documents whose rows are a column of the index itself, which costs every query more than asking the index."""

    def rows(self, searcher: tantivy.Searcher, query: tantivy.Query, most: int) -> list[int]:
        hits = searcher.search(query, most, count=False).hits
        return _read_rows(searcher, [address for _, address in hits]) if hits else []


def documents_of(folder: Path, searcher: tantivy.Searcher) -> Documents:
    """The documents of the release in a folder."""
    sizes = _sizes(folder)
    if (folder / ROWS).exists():
        return _Numbered(open_column(folder / ROWS), sizes)
    first_rows = _first_rows(searcher, sizes)
    return _Looked() if first_rows is None else _Following(first_rows)


def rows_of_documents(folder: Path) -> Column:
    """The row of each document, in the order of segments; `GONE` for none."""
    if (folder / ROWS).exists():
        return open_column(folder / ROWS)
    sizes = _sizes(folder)
    searcher = tantivy.Index(schema(), path=str(folder / INDEX)).searcher()
    first_rows = _first_rows(searcher, sizes)
    if first_rows is not None:
        runs = [np.arange(first, first + size, dtype=np.uint32) for first, size in zip(first_rows, sizes, strict=True)]
        return np.concatenate(runs) if runs else np.empty(0, np.uint32)
    addresses = (tantivy.DocAddress(number, document) for number, size in enumerate(sizes) for document in range(size))
    return np.array(_read_rows(searcher, list(addresses)), np.uint32)


def _sizes(folder: Path) -> list[int]:
    """Documents of each segment."""
    return [segment["max_doc"] for segment in json.loads((folder / INDEX / "meta.json").read_bytes())["segments"]]


def _first_rows(searcher: tantivy.Searcher, sizes: list[int]) -> list[int] | None:
    """The first row of each segment; None where they were merged and their rows do not follow one another."""
    ends = [(tantivy.DocAddress(number, 0), tantivy.DocAddress(number, size - 1)) for number, size in enumerate(sizes)]
    rows = [_read_rows(searcher, list(pair)) for pair in ends]
    run_on = all(last - first == size - 1 for (first, last), size in zip(rows, sizes, strict=True))
    return [first for first, _ in rows] if run_on else None


def _read_rows(searcher: tantivy.Searcher, addresses: list[tantivy.DocAddress]) -> list[int]:
    return cast("list[int]", searcher.fast_field_values("row", addresses))
