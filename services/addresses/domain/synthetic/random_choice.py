"""Choices from a seed."""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Choices from a seed. Built on `Random.random()` alone, the one method whose sequence Python guarantees across versions."""

    __slots__ = ("_random",)

    def __init__(self, seed: str) -> None:
        self._random = Random(seed).random

    def between(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return low + int(self._random() * (high - low + 1))

    def one_of(self, options: Sequence[T]) -> T:
        """One option, each as likely."""
        return options[int(self._random() * len(options))]

    def chance(self, probability: float) -> bool:
        """True as often as `probability` says."""
        return self._random() < probability
