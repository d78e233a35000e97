"""Instants that two processes write and a third reads, in one memory-mapped file.

An instant is `CLOCK_MONOTONIC` in nanoseconds; on Linux all processes of a machine share that clock (clock_gettime(2)).
"""

import mmap
import time
from pathlib import Path

BEGUN, COMMITTED, TAKEN_EFFECT = range(3)
_KINDS = 3
_WIDTH = 8


class Stamps:
    """Three instants of each numbered event: its transaction's beginning, its commit, and the commit of its effect."""

    def __init__(self, path: Path, count: int) -> None:
        self.path = path
        self.count = count
        size = count * _KINDS * _WIDTH
        if not path.exists():
            path.write_bytes(bytes(size))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), size)
        self._at = memoryview(self._map).cast("q")

    def stamp(self, kind: int, number: int) -> None:
        """Record that `kind` of the event `number` is now."""
        self._at[kind * self.count + number] = time.monotonic_ns()

    def done(self, numbers: range) -> int:
        """Count the events that have taken effect."""
        offset = TAKEN_EFFECT * self.count
        return sum(1 for number in numbers if self._at[offset + number])

    def milliseconds(self, since: int, numbers: range) -> list[float]:
        """Return the milliseconds from the instant `since` to the effect of each event, sorted."""
        until = TAKEN_EFFECT * self.count
        return sorted((self._at[until + number] - self._at[since * self.count + number]) / 1e6 for number in numbers)
