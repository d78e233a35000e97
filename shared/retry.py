"""One policy for trying again: how long to wait, how often, and after which errors.

`retry` serves what heals within a second, such as a conflict between transactions, while its caller waits. Work that may have to wait
longer is stored with the time at which it is due, and takes that time from `pause`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
_MOST_DOUBLINGS = 20
"""More would exceed any longest pause; after hours of failures the number would be too large to multiply."""
_JITTER = 0.2


def pause(failures: int, *, first: float, longest: float, source: random.Random | None = None) -> float:
    """Seconds to wait after `failures` in a row (1 or more): `first`, doubled after each further failure, up to `longest`.

    A random fifth more or less keeps those who failed together from coming back together. `source` makes it repeatable.
    """
    uniform = (source or random).uniform
    return min(longest, first * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)) * uniform(1 - _JITTER, 1 + _JITTER)


async def retry(
    run: Callable[[], Awaitable[T]], *, on: type[Exception] | tuple[type[Exception], ...], attempts: int, first: float, longest: float = 5.0
) -> T:
    """Call `run`, and call it again after each of the errors `on`, at most `attempts` times in all. Raises the last error.

    Waits are random between a fifth and nine fifths of `first`, doubled after each failure: transactions that met once must not meet again.
    """
    for failures in range(1, attempts):
        try:
            return await run()
        except on:
            await asyncio.sleep(min(longest, first * 2.0 ** (failures - 1)) * random.uniform(0.2, 1.8))
    return await run()
