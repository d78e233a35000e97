"""Sorted lists of numbers by word, mapped into memory: streets and buildings by word, streets by area, results by prefix."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from .columns import Column, Texts, elements, open_column, write_column, write_texts

NONE = np.empty(0, np.uint32)
LONGEST = 5_000
"""Most numbers of a list that `of_all` examines."""
LONGEST_NARROWED = 100_000
"""The limit for searches that discard most of what they find."""
FEW_LISTS = 4
"""`of_all` merges more lists than this before it searches them, unless they are long."""


def write_word_lists(folder: Path, name: str, lists: Mapping[str, Sequence[int]]) -> None:
    """Write the list of each word, in its order. Lists that a query combines must ascend."""
    words = sorted(lists)
    numbers = list(chain.from_iterable(lists[word] for word in words))
    write_numbered_lists(folder, name, words, [len(lists[word]) for word in words], numbers)


def write_numbered_lists(
    folder: Path, name: str, words: Sequence[str], lengths: Sequence[int] | Column, numbers: Sequence[int] | Column
) -> None:
    """Write lists that follow one another in `numbers`, with their `lengths`. The words ascend."""
    write_texts(folder / f"{name}_words", words)
    write_column(folder / f"{name}_starts.npy", np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]), "<u4")
    write_column(folder / f"{name}_numbers.npy", numbers, "<u4")


class WordLists:
    """The lists written under one name."""

    def __init__(self, folder: Path, name: str) -> None:
        texts = Texts(folder / f"{name}_words")
        self._places = {texts[place]: place for place in range(len(texts))}
        self._starts = elements(open_column(folder / f"{name}_starts.npy"))
        self._numbers: Column = open_column(folder / f"{name}_numbers.npy")

    @property
    def words(self) -> list[str]:
        """All words that have a list, ascending."""
        return list(self._places)

    @property
    def lengths(self) -> Column:
        """Length of each word's list, in the order of `words`."""
        return np.diff(np.asarray(self._starts))

    @property
    def numbers(self) -> Column:
        """All lists, one after the other."""
        return self._numbers

    def of(self, word: str) -> Column | None:
        """Return the list of a word; None for an unknown word."""
        at = self._places.get(word)
        return None if at is None else self._numbers[self._starts[at] : self._starts[at + 1]]

    def of_any(self, words: Iterable[str]) -> Column:
        """Return the union of the words' lists, ascending."""
        return _joined(self._lists(words))

    def of_all(self, choices: Iterable[Iterable[str]], longest: int = LONGEST) -> Column:
        """Return numbers that occur, for each choice, in the list of one of its words, ascending. Examines the first `longest` numbers of
        the choice with the shortest lists."""
        shortest, *others = sorted((self._lists(words) for words in choices), key=_length)
        found = _joined([numbers[:longest] for numbers in shortest])
        for lists in others:
            if not len(found):
                break
            held = np.zeros(len(found), bool)
            for numbers in [_joined(lists)] if len(lists) > FEW_LISTS and _length(lists) <= LONGEST else lists:
                held |= numbers.take(numbers.searchsorted(found), mode="clip") == found
            found = found[held]
        return found

    def _lists(self, words: Iterable[str]) -> list[Column]:
        return [numbers for word in words if (numbers := self.of(word)) is not None and len(numbers)]


def _length(lists: Sequence[Column]) -> int:
    return sum(map(len, lists))


def _joined(lists: Sequence[Column]) -> Column:
    """Merge ascending lists without duplicates, faster than NumPy's general functions."""
    if len(lists) < 2:
        return lists[0] if lists else NONE
    joined = np.concatenate(lists)
    joined.sort()
    kept = np.empty(len(joined), bool)
    kept[:1] = True
    np.not_equal(joined[1:], joined[:-1], out=kept[1:])
    return joined[kept]
