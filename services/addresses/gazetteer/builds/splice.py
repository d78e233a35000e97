"""Splices the staying rows of an earlier release with fresh ones, column by column."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from services.addresses.gazetteer.files.columns import Column
from services.addresses.gazetteer.files.name_lists import WordLists, write_numbered_lists
from services.addresses.gazetteer.search.documents import GONE


class Splice:
    """Which rows stay, and the new positions of staying and fresh rows. Both are in the order of UPRNs."""

    def __init__(self, uprns: Column, gone: Column, fresh: Column) -> None:
        """`uprns` are the earlier release's, `gone` its rows that leave, `fresh` the UPRNs that arrive."""
        self.stays = np.ones(len(uprns), bool)
        self.stays[gone] = False
        staying = uprns[self.stays]
        places = staying.searchsorted(fresh)
        self.fresh_rows = (places + np.arange(len(fresh))).astype(np.uint32)
        """New row of each fresh record."""
        self.count = len(staying) + len(fresh)
        comes = np.zeros(self.count, bool)
        comes[self.fresh_rows] = True
        self.staying_rows = np.flatnonzero(~comes).astype(np.uint32)
        """New row of each staying record."""
        self.row_of = np.full(len(uprns), GONE, np.uint32)
        """New row of each earlier row, `GONE` for none."""
        self.row_of[self.stays] = self.staying_rows

    def column(self, before: Column, fresh: Column) -> Column:
        """Splice a column with its fresh values."""
        merged = np.empty(self.count, before.dtype)
        merged[self.staying_rows] = before[self.stays]
        merged[self.fresh_rows] = fresh
        return merged

    def pairs(self, before: tuple[Column, Column], fresh: tuple[Column, Column]) -> tuple[Column, Column]:
        """Splice pairs of a number and a row; the result is unordered."""
        rows = self.row_of[before[1]]
        stay = rows != GONE
        return np.concatenate([before[0][stay], fresh[0]]), np.concatenate([rows[stay], self.fresh_rows[fresh[1]]])

    def write_bytes(self, path: Path, before: memoryview, ends: Column, fresh: memoryview, fresh_ends: Column) -> Column:
        """Splice a file of bytes and return the ends of the rows in it. `ends` and the result begin with 0."""
        lengths = self.column(np.diff(ends.astype(np.int64)), np.diff(fresh_ends.astype(np.int64)))
        with path.open("wb") as file:
            file.writelines(self._runs(before, ends, fresh, fresh_ends))
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])

    def _runs(self, before: memoryview, ends: Column, fresh: memoryview, fresh_ends: Column) -> Iterator[memoryview]:
        """Yield the bytes of consecutive rows from one of the two sources, in the new order."""
        from_fresh = np.zeros(self.count, bool)
        from_fresh[self.fresh_rows] = True
        source = np.empty(self.count, np.int64)
        source[self.staying_rows] = np.flatnonzero(self.stays)
        source[self.fresh_rows] = np.arange(len(self.fresh_rows))
        breaks = np.flatnonzero((np.diff(source) != 1) | (from_fresh[1:] != from_fresh[:-1])) + 1
        edges = [0, *breaks.tolist(), self.count] if self.count else []
        for first, last in pairwise(edges):
            start, end = int(source[first]), int(source[last - 1]) + 1
            if from_fresh[first]:
                yield fresh[int(fresh_ends[start]) : int(fresh_ends[end])]
            else:
                yield before[int(ends[start]) : int(ends[end])]


def write_spliced_lists(folder: Path, name: str, before: WordLists, splice: Splice, fresh: dict[str, list[int]]) -> None:
    """Splice and write lists of rows by word, ascending. `fresh` has positions among the fresh rows."""
    old_words = before.words
    words = sorted({*old_words, *fresh})
    number = {word: at for at, word in enumerate(words)}
    of_words = np.repeat(np.array([number[word] for word in old_words], np.uint32), before.lengths)
    coming = np.concatenate([np.full(len(rows), number[word], np.uint32) for word, rows in fresh.items()] or [_none()])
    places = np.concatenate([np.array(rows, np.uint32) for rows in fresh.values()] or [_none()])
    of, rows = splice.pairs((of_words, before.numbers), (coming, places))
    order = np.lexsort((rows, of))
    lengths = np.bincount(of, minlength=len(words))
    write_numbered_lists(folder, name, [word for word, length in zip(words, lengths.tolist(), strict=True) if length],
                         lengths[lengths > 0], rows[order])  # fmt: skip


def _none() -> "np.ndarray[Any, Any]":
    return np.empty(0, np.uint32)
