"""An open loop of arrivals: each starts at its time, whether or not earlier ones have ended, so queueing shows."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from benchmarks.stamps import BEGUN, Stamps


async def offer(one: Callable[[int], Awaitable[None]], stamps: Stamps, *, first: int, count: int, rate: float) -> None:
    """Start `one(number)` at seeded random instants, `rate` a second on average (a Poisson process), and wait for all to end."""
    chance = random.Random(first)
    due = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(first, first + count):
            due += chance.expovariate(rate)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            stamps.stamp(BEGUN, number)
            group.create_task(_awaited(one(number)))


async def _awaited(started: Awaitable[None]) -> None:
    await started
