"""Numbers by word, mapped: the streets and buildings whose names hold a word, the streets of an area, what a short beginning finds."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, chain
from pathlib import Path

import numpy as np

from .spatial import Column
from .tables import Texts, elements, open_column, write_column, write_texts

NONE = np.empty(0, np.uint32)


def write_word_lists(folder: Path, name: str, lists: Mapping[str, Sequence[int]]) -> None:
    """Write the list of each word, in its order."""
    words = sorted(lists)
    write_texts(folder / f"{name}_words", words)
    write_column(folder / f"{name}_starts.npy", [0, *accumulate(len(lists[word]) for word in words)], "<u4")
    write_column(folder / f"{name}_numbers.npy", list(chain.from_iterable(lists[word] for word in words)), "<u4")


class WordLists:
    """The lists of one name."""

    def __init__(self, folder: Path, name: str) -> None:
        texts = Texts(folder / f"{name}_words")
        self._words = [texts[number] for number in range(len(texts))]
        self._starts = elements(open_column(folder / f"{name}_starts.npy"))
        self._numbers: Column = open_column(folder / f"{name}_numbers.npy")

    def of(self, word: str) -> Column | None:
        """The list of a word; None where it has none."""
        at = bisect_left(self._words, word)
        if at == len(self._words) or self._words[at] != word:
            return None
        return self._numbers[self._starts[at] : self._starts[at + 1]]

    def of_any(self, words: Iterable[str]) -> Column:
        """What is in the list of one of the words, ascending, each once."""
        found = [numbers for word in words if (numbers := self.of(word)) is not None]
        if not found:
            return NONE
        if len(found) == 1:
            return np.sort(found[0])
        joined = np.concatenate(found)
        joined.sort()
        return joined[np.concatenate(([True], joined[1:] != joined[:-1]))]  # quicker than np.unique, which is written for more

    def of_all(self, alternatives: Sequence[Iterable[str]]) -> Column:
        """What is in a list of each of several choices of words, ascending."""
        shared: Column | None = None
        for words in alternatives:
            numbers = self.of_any(words)
            shared = numbers if shared is None else np.intersect1d(shared, numbers, assume_unique=True)
            if not len(shared):
                return NONE
        return NONE if shared is None else shared
