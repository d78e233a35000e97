"""Numbers by word, mapped: the streets and buildings whose names hold a word, the streets of an area, what a short beginning finds."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from .columns import Column, Texts, elements, open_column, write_column, write_texts

NONE = np.empty(0, np.uint32)
LONGEST = 5_000
"""Numbers of a list that are gone through."""
LONGEST_NARROWED = 100_000
"""The same, where most of what is found is then left out."""
FEW_LISTS = 4
"""More, unless they are long, are joined before they are searched."""


def write_word_lists(folder: Path, name: str, lists: Mapping[str, Sequence[int]]) -> None:
    """Write the list of each word, in its order. Those that are asked for together must ascend."""
    words = sorted(lists)
    numbers = list(chain.from_iterable(lists[word] for word in words))
    write_numbered_lists(folder, name, words, [len(lists[word]) for word in words], numbers)


def write_numbered_lists(
    folder: Path, name: str, words: Sequence[str], lengths: Sequence[int] | Column, numbers: Sequence[int] | Column
) -> None:
    """Write lists that lie one after the other in `numbers`, each so long as `lengths` says. The words are in order."""
    write_texts(folder / f"{name}_words", words)
    write_column(folder / f"{name}_starts.npy", np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]), "<u4")
    write_column(folder / f"{name}_numbers.npy", numbers, "<u4")


class WordLists:
    """The lists of one name."""

    def __init__(self, folder: Path, name: str) -> None:
        texts = Texts(folder / f"{name}_words")
        self._places = {texts[place]: place for place in range(len(texts))}
        self._starts = elements(open_column(folder / f"{name}_starts.npy"))
        self._numbers: Column = open_column(folder / f"{name}_numbers.npy")

    @property
    def words(self) -> list[str]:
        """The words that have a list, in order."""
        return list(self._places)

    @property
    def lengths(self) -> Column:
        """How long the list of each word is."""
        return np.diff(np.asarray(self._starts))

    @property
    def numbers(self) -> Column:
        """The lists, one after the other."""
        return self._numbers

    def of(self, word: str) -> Column | None:
        """The list of a word; None where it has none."""
        at = self._places.get(word)
        return None if at is None else self._numbers[self._starts[at] : self._starts[at + 1]]

    def of_any(self, words: Iterable[str]) -> Column:
        """What is in the list of one of the words, ascending, each once."""
        return _joined(self._lists(words))

    def of_all(self, choices: Iterable[Iterable[str]], longest: int = LONGEST) -> Column:
        """What is in a list of each of several choices of words, ascending. Of the shortest lists only so many are gone through."""
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
    """Ascending, each once. NumPy's own functions for that are written for more."""
    if len(lists) < 2:
        return lists[0] if lists else NONE
    joined = np.concatenate(lists)
    joined.sort()
    kept = np.empty(len(joined), bool)
    kept[:1] = True
    np.not_equal(joined[1:], joined[:-1], out=kept[1:])
    return joined[kept]
