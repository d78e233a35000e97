"""Readiness of the database: a service writes and reads a row within a deadline.

A server that answers `ping` may answer nothing else, for instance while a thread with the storage lock waits for room in the cache. So
readiness tries the operations that requests need.
"""

import asyncio
import time
from collections.abc import Callable

from shared.mongo import Database, DatabaseError, Transaction

DEADLINE_SECONDS = 3.0
LIFE_SECONDS = 1.0
"""Seconds for which an answer serves again."""


class Readiness:
    """Asks one database one question at a time, because a call that hangs blocks a thread of the driver until its socket times out."""

    def __init__(
        self,
        store: Database[Transaction],
        *,
        deadline: float = DEADLINE_SECONDS,
        life: float = LIFE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._deadline, self._life = deadline, life
        self._monotonic = monotonic
        self._question: asyncio.Task[bool] | None = None
        self._answer, self._answered = False, float("-inf")

    async def database_serves(self) -> bool:
        """Return whether the database wrote and read a row within the deadline, now or less than a second ago."""
        if self._monotonic() - self._answered < self._life:
            return self._answer
        if self._question is None or self._question.done():
            self._question = asyncio.create_task(self._ask())
        done, _ = await asyncio.wait({self._question}, timeout=self._deadline)
        return self._question.result() if done else False

    async def _ask(self) -> bool:
        try:
            await self._store.write_and_read()
        except DatabaseError:
            served = False
        else:
            served = True
        self._answer, self._answered = served, self._monotonic()
        return served
