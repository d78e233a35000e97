"""Which word was meant: the optimal string alignment distance, measured to the words whose letters allow it.

One error changes which letters a word has by two at most: one goes and one comes. So of all words only those of about the same length are
looked at, and of them only those whose letters differ little enough, which NumPy tells of thousands in microseconds.
"""

from collections.abc import Iterable

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

_FIRST = ord("A")


def most_errors(length: int) -> int:
    """How many errors a word of so many letters may hold and still be recognised."""
    return sum(length >= least for least in (4, 7, 10))


def distance(one: str, two: str, most: int) -> int:
    """Letters inserted, left out, replaced, or swapped with their neighbour; `most` + 1 where it is more than `most`."""
    return OSA.distance(one, two, score_cutoff=most)


class Spellings:
    """Words by the letters that they have, A to Z."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = sorted((word for word in words if word.isalpha() and word.isascii()), key=len)
        lengths = [len(word) for word in self._words]
        self._longest = lengths[-1] if lengths else 0
        self._starts = np.searchsorted(lengths, range(self._longest + 2)).tolist()
        """Of each length the place of its first word, and of one more than the longest."""
        self._letters = np.array([_letters(word) for word in self._words], np.uint64)

    def nearest(self, word: str, errors: int) -> list[tuple[str, int]]:
        """The other words with the fewest errors, at most so many, between them and a word of letters, and how many; in no order."""
        for most in range(1, min(errors, most_errors(len(word))) + 1):
            if near := [(other, apart) for other, apart in self._within(word, most) if apart]:
                return near
        return []

    def _within(self, word: str, errors: int) -> list[tuple[str, int]]:
        shortest, longest = min(len(word) - errors, self._longest + 1), min(len(word) + errors, self._longest)
        first, end = self._starts[shortest], self._starts[longest + 1]
        differing = np.bitwise_count(self._letters[first:end] ^ np.uint64(_letters(word)))
        words = [self._words[first + at] for at in (differing <= 2 * errors).nonzero()[0].tolist()]
        return [(other, apart) for other, apart, _ in extract(word, words, scorer=OSA.distance, score_cutoff=errors, limit=None)]


def _letters(word: str) -> int:
    """A bit for each letter that is in a word, and another for each that is in it twice or more."""
    once = twice = 0
    for letter in word:
        bit = 1 << (ord(letter) - _FIRST & 31)
        twice |= once & bit
        once |= bit
    return once | twice << 32
