"""Finds the words nearest to a misspelt one by optimal string alignment distance.

An error changes at most two entries of a word's set of letters: it removes one letter and adds another. So the search measures only
words of similar length whose letters differ little, which NumPy selects from thousands in microseconds.
"""

from collections.abc import Iterable

import numpy as np
from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

_FIRST = ord("A")


def most_errors(length: int) -> int:
    """Returns the number of errors up to which a word of this length is still recognised."""
    return sum(length >= least for least in (4, 7, 10))


def distance(one: str, two: str, most: int) -> int:
    """Counts insertions, deletions, substitutions and swaps of neighbouring letters; returns `most` + 1 for any greater distance."""
    return OSA.distance(one, two, score_cutoff=most)


class Spellings:
    """Words indexed by length and by their letters A to Z."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = sorted((word for word in words if word.isalpha() and word.isascii()), key=len)
        lengths = [len(word) for word in self._words]
        self._longest = lengths[-1] if lengths else 0
        self._starts = np.searchsorted(lengths, range(self._longest + 2)).tolist()
        """By length the index of the first word; the last entry is the end."""
        self._letters = np.array([_letters(word) for word in self._words], np.uint64)

    def nearest(self, word: str, errors: int) -> list[tuple[str, int]]:
        """Returns the other words at the smallest distance of at most `errors` from a word of letters, with that distance, unordered."""
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
    """Returns a bit set: a bit for each letter in a word, and another for each letter that it has twice or more."""
    once = twice = 0
    for letter in word:
        bit = 1 << (ord(letter) - _FIRST & 31)
        twice |= once & bit
        once |= bit
    return once | twice << 32
