"""Background work of a service: a step that is repeated while there is work, and woken when more comes."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from shared import backoff
from shared.mongo import Unavailable

log = logging.getLogger(__name__)
LONGEST_PAUSE = 30.0
SHARE_OF_QUIET = 0.25
"""An idle worker's pause, as a share of the time since it last had work or was woken, between its two intervals."""


class Worker:
    """Runs `step` again at once while it reports work done; after that it waits for `wake()` or `interval` seconds.

    `idle_interval` is for a worker that whoever brings work wakes, so that its looks find only what other processes or the time bring
    about: while nothing comes, its pauses grow from `interval` to this. A look is then late by at most a quarter of what it waited.

    A step that fails is tried again with growing pauses, and says so once. A step must leave stored work where it is until it is
    done, so that a kill at any moment loses nothing.
    """

    def __init__(self, name: str, step: Callable[[], Awaitable[int]], *, interval: float = 1.0, idle_interval: float | None = None) -> None:
        self.name = name
        self._step = step
        self._interval = interval
        self._idle_interval = max(interval, idle_interval or interval)
        self._quiet_since = time.monotonic()
        self._woken = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self.progressed_at = time.monotonic()
        """When a step last ended without an error, on the monotonic clock: for liveness."""
        self.busy_since: float | None = None

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def wake(self) -> None:
        """There is work: do not wait for the interval."""
        self._woken.set()

    def start(self) -> None:
        """Begin. Must be called in the event loop."""
        self._stopping = False
        self.progressed_at = time.monotonic()
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self, grace: float = 5.0) -> None:
        """Let the current step end, at most `grace` seconds, then cancel it."""
        self._stopping = True
        self._woken.set()
        if self._task is None:
            return
        done, _ = await asyncio.wait({self._task}, timeout=grace)
        if not done:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._task = None

    async def _run(self) -> None:
        failures = 0
        self._quiet_since = time.monotonic()
        while not self._stopping:
            if self._woken.is_set():
                self._quiet_since = time.monotonic()
            self._woken.clear()
            try:
                self.busy_since = time.monotonic()
                done = await self._step()
                self.busy_since = None
                self.progressed_at = time.monotonic()
                failures = 0
                if done:
                    self._quiet_since = self.progressed_at
                    continue
                pause = min(self._idle_interval, max(self._interval, SHARE_OF_QUIET * (self.progressed_at - self._quiet_since)))
            except asyncio.CancelledError:
                raise
            except Exception as error:
                self.busy_since = None
                failures += 1
                if failures == 1 or not isinstance(error, Unavailable):
                    log.warning("%s failed and will be tried again (%d)", self.name, failures, exc_info=error)
                pause = backoff.pause(failures, first=0.2, longest=LONGEST_PAUSE)
                if isinstance(error, Unavailable):
                    pause = min(pause, 2.0)
            await self._wait(pause)

    async def _wait(self, pause: float) -> None:
        if self._stopping:
            return
        try:
            async with asyncio.timeout(pause):
                await self._woken.wait()
        except TimeoutError:
            return
