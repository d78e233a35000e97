"""Background work of a service: repeats a step while it finds work, and wakes for more."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from shared import retry
from shared.mongo import Unavailable

log = logging.getLogger(__name__)
LONGEST_PAUSE = 30.0
SHARE_OF_QUIET = 0.25
"""An idle worker's pause, as a share of the time since it last had work or was woken, between its two intervals."""


class Worker:
    """Repeats `step` at once while it returns a number above 0; else waits for `wake()`, at most `interval` seconds.

    Set `idle_interval` for a worker that everyone with new work wakes; its looks then find only the work of other processes or of time.
    While none comes, its pauses grow from `interval` to `idle_interval`, so a look is late by at most a quarter of the quiet time.

    Retries a failed step with growing pauses. A step must delete stored work only after it is done, so that a kill at any moment loses
    nothing.
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
        self.busy_since: float | None = None

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def wake(self) -> None:
        """Ends the current wait, because there is work."""
        self._woken.set()

    def start(self) -> None:
        """Starts the task. Call it in the event loop."""
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self, grace: float = 5.0) -> None:
        """Waits for the current step, at most `grace` seconds, then cancels it."""
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
                failures = 0
                now = time.monotonic()
                if done:
                    self._quiet_since = now
                    continue
                pause = min(self._idle_interval, max(self._interval, SHARE_OF_QUIET * (now - self._quiet_since)))
            except asyncio.CancelledError:
                raise
            except Exception as error:
                self.busy_since = None
                failures += 1
                if failures == 1 or not isinstance(error, Unavailable):
                    log.warning("%s failed and will be tried again (%d)", self.name, failures, exc_info=error)
                pause = retry.pause(failures, first=0.2, longest=LONGEST_PAUSE)
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
