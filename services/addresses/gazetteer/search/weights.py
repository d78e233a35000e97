"""What the tokens of a release weigh when addresses are compared: by code, each worked out when it is first asked for."""

from math import log

from services.addresses.domain.search.scoring import Sort, penalty, sort_of
from services.addresses.domain.search.tokens import FLOOR_NAMES

from .index import Index

NUMBER_WEIGHT, LETTER_WEIGHT, LEAST_WORD_WEIGHT, UNKNOWN_WEIGHT = 4.0, 2.5, 1.0, 5.0
UNIT_WORD_WEIGHT, FLOOR_WEIGHT = 3.0, 0.5
UNIT_WORDS = FLOOR_NAMES | {"FLAT", "GARDEN", "TOP", "UPPER", "LOWER", "FLOOR", "SHOP"}
"""Words that many addresses hold and that tell one flat of a house from the next."""
FLOOR = "FLOOR"
"""It says little beside the name of the floor: both together weigh less than a number."""


class Weights(dict[str, float]):
    """The weight of each code: numbers and letters fixed, words the more the rarer."""

    def __init__(self, index: Index) -> None:
        super().__init__()
        self._vocabulary = index.vocabulary
        self._records = max(1, index.first_street)

    def __missing__(self, code: str) -> float:
        weight = self[code] = self.of(self._vocabulary.word(code))
        return weight

    def of(self, word: str) -> float:
        """The weight of a word that the vocabulary holds or not."""
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
    """What each code takes from the score of an address that holds it besides the query."""

    def __init__(self, weights: Weights, sorts: Sorts) -> None:
        super().__init__()
        self._weights, self._sorts = weights, sorts

    def __missing__(self, code: str) -> float:
        taken = self[code] = penalty(self._sorts[code], self._weights[code])
        return taken
