"""Weights, sorts and penalties of a release's tokens by code, computed on first use."""

from math import log

from services.addresses.domain.search.scoring import Sort, penalty, sort_of
from services.addresses.domain.search.tokens import FLOOR_NAMES

from .index import Index

NUMBER_WEIGHT, LETTER_WEIGHT, LEAST_WORD_WEIGHT, UNKNOWN_WEIGHT = 4.0, 2.5, 1.0, 5.0
UNIT_WORD_WEIGHT, FLOOR_WEIGHT = 3.0, 0.5
UNIT_WORDS = FLOOR_NAMES | {"FLAT", "GARDEN", "TOP", "UPPER", "LOWER", "FLOOR", "SHOP"}
"""Frequent words that distinguish the flats of a house."""
FLOOR = "FLOOR"
"""A word that adds little to the name of a floor: both together weigh less than a number."""


class Weights(dict[str, float]):
    """The weight of each code: fixed for numbers and letters, higher for rarer words."""

    def __init__(self, index: Index) -> None:
        super().__init__()
        self._vocabulary = index.vocabulary
        self._records = max(1, index.first_street)

    def __missing__(self, code: str) -> float:
        weight = self[code] = self.of(self._vocabulary.word(code))
        return weight

    def of(self, word: str) -> float:
        """Returns the weight of a word, known to the vocabulary or not."""
        sort = sort_of(word)
        if sort is not Sort.WORD:
            return NUMBER_WEIGHT if sort is Sort.NUMBER else LETTER_WEIGHT
        if word in UNIT_WORDS:
            return FLOOR_WEIGHT if word == FLOOR else UNIT_WORD_WEIGHT
        frequency = self._vocabulary.frequency(word)
        return max(LEAST_WORD_WEIGHT, log(self._records / frequency) - 0.5) if frequency else UNKNOWN_WEIGHT


class Sorts(dict[str, Sort]):
    """The sort of each code."""

    def __init__(self, index: Index) -> None:
        super().__init__()
        self._vocabulary = index.vocabulary

    def __missing__(self, code: str) -> Sort:
        sort = self[code] = sort_of(self._vocabulary.word(code))
        return sort


class Penalties(dict[str, float]):
    """The deduction for each code that an address has beyond the query."""

    def __init__(self, weights: Weights, sorts: Sorts) -> None:
        super().__init__()
        self._weights, self._sorts = weights, sorts

    def __missing__(self, code: str) -> float:
        taken = self[code] = penalty(self._sorts[code], self._weights[code])
        return taken
