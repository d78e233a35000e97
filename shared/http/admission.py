"""Admission of large requests: how many a process works on at once, and how many bytes of them it holds.

A few large bodies at once make an embedded database wait in its cache, and a process's memory grow. Small requests are not counted,
so they never wait for large ones.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from starlette.requests import Request

from shared.http.errors import Problem

LARGE_BYTES = 128_000
"""A body up to this size is neither counted nor waits."""
AT_ONCE = 2
"""Large requests that a process works on at the same time."""
MOST_BYTES = 64_000_000
"""Bytes of large bodies in memory, complete or still arriving."""
PATIENCE_SECONDS = 10.0
"""How long a large request waits for its turn."""
RETRY_AFTER_SECONDS = "5"


class Held:
    """The bytes of one request's body in memory."""

    def __init__(self, admission: "Admission") -> None:
        self._admission = admission
        self._received = self._counted = 0

    def add(self, size: int) -> None:
        """Count bytes that have arrived. Raises a 503 problem while large bodies hold too many already."""
        self._received += size
        over = max(0, self._received - LARGE_BYTES) - self._counted
        if over > 0:
            self._admission.take(over)
            self._counted += over

    def release(self) -> None:
        """Stop counting the body, at the end of its request."""
        self._admission.take(-self._counted)
        self._counted = 0


class Admission:
    """Counts the large requests of one process."""

    def __init__(self, *, at_once: int = AT_ONCE, most_bytes: int = MOST_BYTES, patience: float = PATIENCE_SECONDS) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._most_bytes = most_bytes
        self._patience = patience
        self._bytes = 0

    @classmethod
    def of(cls, request: Request) -> "Admission":
        """The admission of the request's service."""
        found: Admission = request.app.state.provided[cls]
        return found

    def take(self, size: int) -> None:
        """Add bytes to the count; a negative number subtracts. Raises a 503 problem above the limit."""
        if size > 0 and self._bytes + size > self._most_bytes:
            raise _busy()
        self._bytes += size

    @contextmanager
    def held(self) -> Iterator[Held]:
        """Counts one request's body until the request ends."""
        held = Held(self)
        try:
            yield held
        finally:
            held.release()

    @asynccontextmanager
    async def turn(self, size: int) -> AsyncIterator[None]:
        """Waits for the turn of a request with a body of `size` bytes. Raises a 503 problem after `patience` seconds."""
        if size <= LARGE_BYTES:
            yield
            return
        try:
            async with asyncio.timeout(self._patience):
                await self._turns.acquire()
        except TimeoutError:
            raise _busy() from None
        try:
            yield
        finally:
            self._turns.release()


def _busy() -> Problem:
    return Problem(503, "Too many large requests are under way. Try again.", type="busy", headers={"Retry-After": RETRY_AFTER_SECONDS})
