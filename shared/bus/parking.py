"""Parked messages and dead letters: rows in the consumer's own database.

A failed message is parked and its partition continues. While a key has a parked row, later messages of the key queue behind it in the
same *lane*, so that order per key holds and other keys flow. A worker retries the head of a lane with backoff. After the last attempt, or
at once after a `PermanentError`, the message becomes a dead letter, which an operator lists, mends, replays or discards.

A lane is ordered by the `place` of its rows: the last place plus one, taken in the inserting transaction and guarded by a unique index.
No clock takes part. A message whose handler still runs may have a row too (see `lanes`): its open transaction holds the inbox row, so any
other attempt raises `Conflict` until the handler returns or its process dies.
"""

import asyncio
import logging
from datetime import timedelta
from typing import Any

from contracts.events.platform import MessageDeadLettered
from shared import clock, context, telemetry
from shared.bus.delivery import Delivery, Repeated, deliver, inbox_id
from shared.bus.parked_row import cut, delivery_of, is_strict, is_too_large, reason, row_of
from shared.bus.router import EventRouter, PermanentError
from shared.mongo import Collection, Conflict, Database, DatabaseError, Document, Duplicate, TooLarge, Transaction, Unavailable
from shared.retry import retry
from shared.worker import Worker

log = logging.getLogger(__name__)
LANES_AT_ONCE = 16
"""Lanes that are retried side by side, so that a slow one delays no other."""
ROWS_A_LOOK = 50
PLACE_ATTEMPTS, FIRST_WAIT_SECONDS = 10, 0.006
CLOSING_SECONDS = 5.0


class Parking:
    """The parked messages of one router, and the worker that retries them."""

    def __init__(self, database: Database[Any], router: EventRouter) -> None:
        self._database = database
        self._rows: Collection = database.collection("parked")
        self._router = router
        self.busy: set[str] = set()
        """Lanes whose head runs in this process: retried here, or set aside by `Lanes`."""
        self._retrying: set[asyncio.Task[None]] = set()
        self._has_places = False
        self.worker = Worker(f"{router.name}-parked", self._step, interval=1.0, idle_interval=3.0)

    async def stop(self) -> None:
        """Stops the worker and the current retries; a cancelled retry is repeated after the next start."""
        await self.worker.stop()
        if self._retrying:
            _, late = await asyncio.wait(self._retrying, timeout=CLOSING_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def held_lanes(self, lanes: list[str]) -> set[str]:
        """Those of these lanes that have a waiting row."""
        rows = await self._rows.find({"lane": {"$in": lanes}, "holds": True}, projection={"lane": 1})
        return {row["lane"] for row in rows}

    async def park(self, delivery: Delivery, error: BaseException | None) -> None:
        """Parks a message: `error` is why it failed, None if it waits behind another. Parking it again changes nothing.

        Cuts a message that is too large to keep, and makes it a dead letter whose reason says so.
        """
        row = row_of(self._router, delivery, error)
        if is_too_large(row):
            row = cut(row)
        try:
            kept = await self._insert(delivery, row)
        except TooLarge:
            row = cut(row)
            kept = await self._insert(delivery, row)
        if kept:
            self._tell(delivery, row, error)

    async def queue(self, delivery: Delivery) -> None:
        """Parks a message whole, behind the last of its lane. Raises `TooLarge`."""
        row = row_of(self._router, delivery, None)
        if is_too_large(row):
            raise TooLarge("larger than a parked row may be")
        await self._insert(delivery, row)

    async def handled(self, delivery: Delivery) -> None:
        """Deletes the row of a message whose handler was set aside and has succeeded."""
        await self._rows.delete_one({"_id": inbox_id(self._router, delivery), "state": "parked"})

    async def failed(self, delivery: Delivery, error: Exception) -> None:
        """Records that the handler of a message that was set aside has failed."""
        row = await self._rows.find_one({"_id": inbox_id(self._router, delivery), "state": "parked"})
        if row is not None:
            await self._failed_again(row, error)

    async def _insert(self, delivery: Delivery, row: Document) -> bool:
        """Inserts the row at the lane's next place. False if the message is already parked, handled or discarded."""
        id_ = inbox_id(self._router, delivery)

        async def insert() -> bool:
            async with self._database.transaction() as tx:
                rows = tx.collection("parked")
                for collection in (rows, tx.collection("inbox")):
                    if await collection.find_one({"_id": id_}, projection={"_id": 1}) is not None:
                        return False
                last = await rows.find({"lane": row["lane"], "place": {"$gt": 0}}, sort=[("place", -1)], limit=1, projection={"place": 1})
                await rows.insert_one({"_id": id_, "place": last[0]["place"] + 1 if last else 1, **row})
                if row["state"] == "dead":
                    await self._announce(tx, id_, row, delivery)
            return True

        inserted = await retry(insert, on=(Conflict, Duplicate), attempts=PLACE_ATTEMPTS, first=FIRST_WAIT_SECONDS)
        self.worker.wake()  # ends idle pauses
        return inserted

    def _tell(self, delivery: Delivery, row: Document, error: BaseException | None) -> None:
        with telemetry.within(delivery.traceparent, delivery.tracestate):
            level = logging.ERROR if row["state"] == "dead" else logging.INFO if error is None else logging.WARNING
            why = row["error"] if row["error_kind"] == PermanentError.__name__ else row["error_kind"]
            log.log(
                level,
                "parked message %s of %s as %s, attempt %d, trace %s: %s",
                delivery.shown_id,
                delivery.topic,
                row["state"],
                row["attempts"],
                telemetry.trace_id() or "none",
                why or "it waits behind an earlier message of its key",
                exc_info=None if isinstance(error, PermanentError) else error,
            )

    async def _step(self) -> int:
        if not self._has_places:
            await self._give_places()
            self._has_places = True
        free = LANES_AT_ONCE - len(self._retrying)
        if free <= 0:
            return 0
        due = await self._rows.find(
            {
                "state": "parked",
                "consumer": self._router.name,
                "due": {"$lte": clock.now()},
                **({"lane": {"$nin": sorted(self.busy)}} if self.busy else {}),
            },
            sort=[("due", 1)],
            limit=ROWS_A_LOOK,
            projection={"lane": 1},
        )
        lanes = list(dict.fromkeys(row["lane"] for row in due if row["lane"] not in self.busy))[:free]
        for lane in lanes:
            self.busy.add(lane)
            task = asyncio.create_task(self._retry_lane(lane), name=f"{self._router.name}-lane")
            self._retrying.add(task)
            task.add_done_callback(self._retrying.discard)
        return 0

    async def _retry_lane(self, lane: str) -> None:
        moved = 0
        try:
            moved = await self._advance(lane)
        except DatabaseError as error:
            log.log(
                logging.DEBUG if isinstance(error, Unavailable) else logging.WARNING,
                "a retry of a parked message could not run",
                exc_info=True,
            )
        except Exception:
            log.warning("a retry of a parked message could not run", exc_info=True)
        finally:
            self.busy.discard(lane)
            if moved or len(self._retrying) >= LANES_AT_ONCE:
                self.worker.wake()

    async def _advance(self, lane: str) -> int:
        """Retries a lane's messages in order until one is not due or fails. Returns how many succeeded or died."""
        moved = 0
        while True:
            heads = await self._rows.find({"lane": lane, "holds": True}, sort=[("place", 1)], limit=1)
            if not heads:
                return moved
            head = heads[0]
            if head["state"] != "parked" or head["due"] > clock.now():
                await self._rows.update_many(
                    {"lane": lane, "state": "parked", "due": {"$lte": clock.now()}},
                    {"$set": {"due": max(head["due"], clock.now() + timedelta(seconds=1))}},
                )
                return moved
            if not await self._retry(head):
                return moved
            moved += 1

    async def _retry(self, row: Document) -> bool:
        """Retries one message. True if the lane can continue."""
        try:
            await deliver(self._database, self._router, delivery_of(row), parked_row=row["_id"])
        except Repeated:
            pass
        except (Conflict, Unavailable):
            return False
        except Exception as error:  # noqa: BLE001 (any error of a handler keeps it parked)
            return await self._failed_again(row, error)
        # A handler that ran has deleted the row; a repeat, or an event without a subscriber, has not.
        await self._rows.delete_one({"_id": row["_id"], "state": "parked"})
        return True

    async def _failed_again(self, row: Document, error: Exception) -> bool:
        """Records a failed attempt. True if the message is dead and the lane can continue."""
        attempts = row["attempts"] + 1
        dead = isinstance(error, PermanentError) or attempts >= self._router.attempts
        changed: Document = {"attempts": attempts, **reason(error)}
        if not dead:
            changed["due"] = clock.now() + timedelta(seconds=self._router.pause(attempts))
            await self._rows.update_one({"_id": row["_id"], "attempts": row["attempts"]}, {"$set": changed})
            return False
        delivery = delivery_of(row)
        strict = is_strict(self._router, delivery)
        changed |= {"state": "dead", "holds": strict, "died_at": clock.now()}
        async with self._database.transaction() as tx:
            was_parked = await tx.collection("parked").update_one(
                {"_id": row["_id"], "attempts": row["attempts"], "state": "parked"}, {"$set": changed}
            )
            if was_parked:
                await self._announce(tx, row["_id"], {**row, **changed}, delivery)
        if was_parked:
            self._tell(delivery, {**row, **changed}, error)
        return not strict

    async def _announce(self, tx: Transaction, id_: str, row: Document, delivery: Delivery) -> None:
        """Publishes `MessageDeadLettered` in the message's trace, with the message as its cause."""
        token = context.cause.set(delivery.cause)
        try:
            with telemetry.within(delivery.traceparent, delivery.tracestate):
                await tx.publish(
                    MessageDeadLettered(
                        dead_letter=id_,
                        service=self._database.settings.name,
                        consumer=self._router.name,
                        message_type=row["event_type"],
                        error=row["error_kind"],
                        attempts=row["attempts"],
                        dead_lettered_at=clock.now(),
                    )
                )
        finally:
            context.cause.reset(token)

    async def _give_places(self) -> None:
        """Numbers the rows of a release without places: before all others of their lane, in their former order."""
        old = await self._rows.find(
            {"place": {"$exists": False}, "consumer": self._router.name}, sort=[("order", 1)], projection={"_id": 1, "lane": 1}
        )
        lanes: dict[str, list[str]] = {}
        for row in old:
            lanes.setdefault(row["lane"], []).append(row["_id"])
        for ids in lanes.values():
            for place, id_ in enumerate(ids, start=-len(ids)):
                await self._rows.update_one({"_id": id_, "place": {"$exists": False}}, {"$set": {"place": place}})
