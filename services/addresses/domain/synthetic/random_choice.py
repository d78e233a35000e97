"""Draws random choices reproducibly from a seed."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Random choices from a seed. Uses only `Random.random()`, whose sequence Python guarantees across versions."""

    __slots__ = ("_random",)

    def __init__(self, seed: str) -> None:
        self._random = Random(seed).random

    def between(self, low: int, high: int) -> int:
        """Draws a whole number from `low` to `high`, both included."""
        return low + int(self._random() * (high - low + 1))

    def one_of(self, options: Sequence[T]) -> T:
        """Draws one of the options, each with the same probability."""
        return options[int(self._random() * len(options))]

    def chance(self, probability: float) -> bool:
        """Returns True with a probability from 0 to 1."""
        return self._random() < probability
