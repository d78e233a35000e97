"""Runs the handlers of a batch: messages of one key in order, keys side by side, without waiting for a slow handler of another key.

A batch ends when each of its messages is handled or parked. A handler that runs longer than `SLOW_SECONDS` is *set aside*: its message
and the later ones of its lane get parked rows, in order, and the batch ends without it, so that its offsets are committed. When the
handler returns, its row is deleted and the lane continues from the parked rows. If the process dies first, the database undoes the
handler's transaction and any replica retries the row. In both cases the inbox allows one effect.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from shared import telemetry
from shared.bus.delivery import Delivery, Repeated, deliver
from shared.bus.parking import Parking
from shared.bus.router import EventRouter
from shared.mongo import Conflict, Database, DatabaseError, Unavailable
from shared.retry import retry

log = logging.getLogger(__name__)
CONCURRENT_LANES = 16
SLOW_SECONDS = 2.0
MOST_ASIDE = 16
"""Handlers that may be set aside at once. Beyond that the consumer waits, and the messages stay in Kafka."""
LOOK_SECONDS = 0.25
CONFLICT_ATTEMPTS, FIRST_WAIT_SECONDS = 10, 0.012
CLOSING_SECONDS = 5.0


class Lane:
    """The messages that a batch has for one key."""

    def __init__(self, name: str, queue: list[Delivery], *, held: bool) -> None:
        self.name = name
        self.queue = deque(queue)
        self.held = held
        """Whether the lane has a parked row, so that its later messages are parked too."""
        self.running: Delivery | None = None
        self.since = 0.0
        self.is_aside = False
        self.ending = asyncio.Lock()
        """Excludes that the lane is set aside while its handler returns."""

    def is_slow(self) -> bool:
        """Whether a handler has run for `SLOW_SECONDS`."""
        return self.running is not None and time.monotonic() - self.since >= SLOW_SECONDS


class Lanes:
    """Runs the lanes of one router in this process."""

    def __init__(self, database: Database[Any], router: EventRouter, parking: Parking) -> None:
        self._database = database
        self._router = router
        self._parking = parking
        self._free = asyncio.Semaphore(CONCURRENT_LANES)
        self._aside: set[asyncio.Task[None]] = set()

    async def run(self, lanes: Mapping[str, list[Delivery]], held: set[str]) -> None:
        """Returns when each message is handled or parked. Raises the first error that prevented both."""
        running = {asyncio.create_task(self._run(lane)): lane for lane in (Lane(n, q, held=n in held) for n, q in lanes.items())}
        pending, ended = set(running), set[asyncio.Task[None]]()
        try:
            while pending:
                done, pending = await asyncio.wait(pending, timeout=LOOK_SECONDS)
                ended |= done
                for task in list(pending):
                    if await self._set_aside(task, running[task]):
                        pending.discard(task)
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        for task in ended:
            task.result()

    async def stop(self) -> None:
        """Waits `CLOSING_SECONDS` for handlers that were set aside, then cancels them; their messages stay parked."""
        if self._aside:
            _, late = await asyncio.wait(self._aside, timeout=CLOSING_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, lane: Lane) -> None:
        await self._free.acquire()
        try:
            while lane.queue and not lane.is_aside:
                delivery = lane.queue.popleft()
                if lane.held:
                    await self._parking.park(delivery, None)
                    self._parking.worker.wake()
                else:
                    await self._handle(lane, delivery)
        finally:
            if not lane.is_aside:
                self._free.release()

    async def _handle(self, lane: Lane, delivery: Delivery) -> None:
        lane.running, lane.since = delivery, time.monotonic()
        unavailable: Unavailable | None = None
        error: Exception | None = None
        try:
            error = await self._attempt(delivery)
        except Unavailable as no_answer:
            unavailable = no_answer
        async with lane.ending:
            lane.running = None
        if lane.is_aside:
            await self._end_aside(lane, delivery, unavailable or error)
            return
        if unavailable is not None:
            raise unavailable
        if error is not None:
            await self._parking.park(delivery, error)
            lane.held = bool(await self._parking.held_lanes([lane.name]))

    async def _attempt(self, delivery: Delivery) -> Exception | None:
        """Runs the handler. Returns why it failed, or None. Raises `Unavailable`."""
        try:
            await retry(
                lambda: deliver(self._database, self._router, delivery), on=Conflict, attempts=CONFLICT_ATTEMPTS, first=FIRST_WAIT_SECONDS
            )
        except Repeated:
            _count(delivery, "repeated")
        except Unavailable:
            raise
        except Exception as failure:  # noqa: BLE001 (any error of a handler parks the message)
            _count(delivery, "parked")
            return failure
        else:
            _count(delivery, "handled")
        return None

    async def _set_aside(self, task: asyncio.Task[None], lane: Lane) -> bool:
        """Parks the messages of a slow lane, so that the batch can end. False if the lane is not slow, or the database refuses."""
        if not lane.is_slow() or len(self._aside) >= MOST_ASIDE:
            return False
        async with lane.ending:
            running = lane.running
            if running is None:
                return False
            self._parking.busy.add(lane.name)
            try:
                for delivery in (running, *lane.queue):
                    await self._parking.queue(delivery)
            except DatabaseError:
                log.warning("a slow message of %s cannot be parked; its batch waits for it", running.topic, exc_info=True)
                self._parking.busy.discard(lane.name)
                lane.since = time.monotonic()
                return False
            log.info("message %s of %s is slow and was set aside", running.shown_id, running.topic)
            lane.is_aside = True
        self._free.release()
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)
        return True

    async def _end_aside(self, lane: Lane, delivery: Delivery, error: Exception | None) -> None:
        """Records the outcome of a handler that was set aside. If that fails, the row is retried, and the inbox absorbs the repeat."""
        try:
            if error is None:
                await self._parking.handled(delivery)
            elif not isinstance(error, Conflict | Unavailable):
                await self._parking.failed(delivery, error)
        except DatabaseError:
            log.debug("the outcome of a slow message could not be stored", exc_info=True)
        finally:
            self._parking.busy.discard(lane.name)
            self._parking.worker.wake()


def _count(delivery: Delivery, outcome: str) -> None:
    telemetry.operations.add(1, {"messaging.destination.name": delivery.topic, "outcome": outcome})
