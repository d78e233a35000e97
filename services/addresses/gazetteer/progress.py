"""How far a long step is, reported to whoever watches an import, a build or a transfer."""

from collections.abc import Callable
from typing import Protocol


class Watch(Protocol):
    """Is told how far an import is."""

    def step(self, name: str, total: int, unit: str) -> None:
        """Another step begins: `reading` of so many bytes, `sorting` of so many rows, `building` of so many premises."""

    def at(self, done: int) -> None:
        """So much of the step is done."""


def running_total(watch: Watch) -> Callable[[int], None]:
    """What is to be told of each more that is done; the watch is told of all."""
    done = 0

    def add(more: int) -> None:
        nonlocal done
        done += more
        watch.at(done)

    return add


class Unwatched:
    """Nobody looks on."""

    def step(self, name: str, total: int, unit: str) -> None:
        """Nothing."""

    def at(self, done: int) -> None:
        """Nothing."""
