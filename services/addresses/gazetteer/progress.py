"""Progress of a long step (an import, a build, a transfer), reported to an observer."""

from collections.abc import Callable
from typing import Protocol


class Watch(Protocol):
    """Receives the progress of an import, a build or a transfer."""

    def step(self, name: str, total: int, unit: str) -> None:
        """Start a step of `total` units: `reading` counts bytes, `sorting` counts rows, `building` counts premises."""

    def at(self, done: int) -> None:
        """Report that `done` units of the current step are complete."""


def running_total(watch: Watch) -> Callable[[int], None]:
    """Return a callback that accumulates increments and reports each new total to `watch`."""
    done = 0

    def add(more: int) -> None:
        nonlocal done
        done += more
        watch.at(done)

    return add


class Unwatched:
    """Discards progress."""

    def step(self, name: str, total: int, unit: str) -> None:
        """Nothing."""

    def at(self, done: int) -> None:
        """Nothing."""
