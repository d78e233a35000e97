"""One policy of retries: how long to wait, how often, and after which errors.

`retry` serves errors that pass within a second, such as a conflict between transactions, while the caller waits. Work that may wait longer
is stored with its due time, which comes from `pause`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
_MOST_DOUBLINGS = 20
"""More doublings would exceed any longest pause, and overflow after hours of failures."""
_JITTER = 0.2


def pause(failures: int, *, first: float, longest: float, source: random.Random | None = None) -> float:
    """Return the seconds to wait after `failures` in a row (1 or more): `first`, doubled after each further failure, up to `longest`.

    A random fifth more or less keeps callers that failed together apart. `source` makes it repeatable.
    """
    uniform = (source or random).uniform
    return min(longest, first * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)) * uniform(1 - _JITTER, 1 + _JITTER)


async def retry(
    run: Callable[[], Awaitable[T]], *, on: type[Exception] | tuple[type[Exception], ...], attempts: int, first: float, longest: float = 5.0
) -> T:
    """Call `run`, again after each of the errors `on`, at most `attempts` times in all. Raises the last error.

    Waits are random between a fifth and nine fifths of `first`, doubled after each failure, so that two conflicting transactions do not
    meet again.
    """
    for failures in range(1, attempts):
        try:
            return await run()
        except on:
            await asyncio.sleep(min(longest, first * 2.0 ** (failures - 1)) * random.uniform(0.2, 1.8))
    return await run()
