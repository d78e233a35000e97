"""Maps the documents of the index to rows.

A full build writes segments in the order of the rows. An incremental build keeps the segments of the earlier release, in which
documents of deleted or changed records have no row, and adds a segment of new documents. It writes the rows to the column `index_rows`.
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
"""Marks a document without a row in the release."""
_SPARE = 8
"""A query asks for an eighth more documents than wanted, to replace those without a row."""


class Documents(Protocol):
    """The documents of one index."""

    def rows(self, searcher: tantivy.Searcher, query: tantivy.Query, most: int) -> list[int]:
        """Returns the rows of a query's documents: the highest scores first, equals in the order of rows."""


class _Consecutive:
    """Documents with consecutive rows in each segment."""

    def __init__(self, first_rows: list[int]) -> None:
        self._first_rows = first_rows

    def rows(self, searcher: tantivy.Searcher, query: tantivy.Query, most: int) -> list[int]:
        first = self._first_rows
        return [first[address.segment_ord] + address.doc for _, address in searcher.search(query, most, count=False).hits]


class _Numbered:
    """Documents whose rows are in the column `index_rows`."""

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


class _Stored:
    """Documents whose rows are a fast field of the index. Reading it costs more than the query itself."""

    def rows(self, searcher: tantivy.Searcher, query: tantivy.Query, most: int) -> list[int]:
        hits = searcher.search(query, most, count=False).hits
        return _read_rows(searcher, [address for _, address in hits]) if hits else []


def documents_of(folder: Path, searcher: tantivy.Searcher) -> Documents:
    """Opens the documents of the release in a folder."""
    sizes = _sizes(folder)
    if (folder / ROWS).exists():
        return _Numbered(open_column(folder / ROWS), sizes)
    first_rows = _first_rows(searcher, sizes)
    return _Stored() if first_rows is None else _Consecutive(first_rows)


def rows_of_documents(folder: Path) -> Column:
    """Returns the row of each document in the order of segments; `GONE` for a document without a row."""
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
    """Returns the number of documents in each segment."""
    return [segment["max_doc"] for segment in json.loads((folder / INDEX / "meta.json").read_bytes())["segments"]]


def _first_rows(searcher: tantivy.Searcher, sizes: list[int]) -> list[int] | None:
    """Returns the first row of each segment; None if a merge of segments left rows that are not consecutive."""
    ends = [(tantivy.DocAddress(number, 0), tantivy.DocAddress(number, size - 1)) for number, size in enumerate(sizes)]
    rows = [_read_rows(searcher, list(pair)) for pair in ends]
    are_consecutive = all(last - first == size - 1 for (first, last), size in zip(rows, sizes, strict=True))
    return [first for first, _ in rows] if are_consecutive else None


def _read_rows(searcher: tantivy.Searcher, addresses: list[tantivy.DocAddress]) -> list[int]:
    return cast("list[int]", searcher.fast_field_values("row", addresses))
