"""Parked messages and dead letters: rows in the consumer's own database.

A failed message is parked and its partition moves on. While a key has a parked row, later messages of that key queue behind it in
the same *lane*, so order per key holds and other keys flow. A worker retries the head of a lane with backoff; after the last attempt,
or at once where no retry can help, it becomes a dead letter that people can look at, mend and replay.

The order of a lane is its rows' `place`: one more than the last, taken in the transaction that inserts the row and guarded by a unique
index. No clock has a part in it. A message whose handler still runs may have a row too (see `lanes`): its open transaction holds the
inbox row, so any other attempt meets `Conflict` until it ends, or the process is gone.
"""

import asyncio
import logging
import random
from datetime import timedelta
from typing import Any

from contracts.events.platform import MessageDeadLettered
from shared import clock, context, telemetry
from shared.bus.consumer import Consumer, Unhealable
from shared.bus.delivery import Delivery, Repeated, deliver, inbox_id
from shared.bus.parked_row import cut, delivery_of, is_strict, is_too_large, reason, row_of
from shared.mongo import Collection, Conflict, Database, DatabaseError, Document, Duplicate, TooLarge, Transaction, Unavailable
from shared.worker import Worker

log = logging.getLogger(__name__)
LANES_AT_ONCE = 16
"""Lanes whose messages are retried side by side, so that a slow one delays no other."""
ROWS_A_LOOK = 50
PLACE_ATTEMPTS = 10
CLOSING_SECONDS = 5.0


class Parking:
    """The parked messages of one consumer, and the worker that retries them."""

    def __init__(self, database: Database[Any], consumer: Consumer) -> None:
        self._database = database
        self._rows: Collection = database.collection("parked")
        self._consumer = consumer
        self.busy: set[str] = set()
        """Lanes whose head runs in this process, from here or set aside by the receiver."""
        self._retrying: set[asyncio.Task[None]] = set()
        self._has_places = False
        self.worker = Worker(f"{consumer.name}-parked", self._step, interval=1.0, idle_interval=3.0)

    async def stop(self) -> None:
        """End the worker and the retries under way; a retry that is cut short is made again."""
        await self.worker.stop()
        if self._retrying:
            _, late = await asyncio.wait(self._retrying, timeout=CLOSING_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def held_lanes(self, lanes: list[str]) -> set[str]:
        """Those of these lanes in which something waits."""
        rows = await self._rows.find({"lane": {"$in": lanes}, "holds": True}, projection={"lane": 1})
        return {row["lane"] for row in rows}

    async def park(self, delivery: Delivery, error: BaseException | None) -> None:
        """Keep a message: `error` is why it failed, None when it only waits behind another. Parking it again changes nothing.

        What is too large to be kept is cut, and is a dead letter that says so.
        """
        row = row_of(self._consumer, delivery, error)
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
        """Keep a message whole, to be tried when its turn comes. Raises `TooLarge`."""
        row = row_of(self._consumer, delivery, None)
        if is_too_large(row):
            raise TooLarge("more than can be kept")
        await self._insert(delivery, row)

    async def handled(self, delivery: Delivery) -> None:
        """The handler of a message that was queued while it ran has ended well."""
        await self._rows.delete_one({"_id": inbox_id(self._consumer, delivery), "state": "parked"})

    async def failed(self, delivery: Delivery, error: Exception) -> None:
        """The handler of a message that was queued while it ran has failed."""
        row = await self._rows.find_one({"_id": inbox_id(self._consumer, delivery), "state": "parked"})
        if row is not None:
            await self._failed_again(row, error)

    async def _insert(self, delivery: Delivery, row: Document) -> bool:
        """Give the row the lane's next place. False where the message is kept already, or was handled or discarded."""
        id_ = inbox_id(self._consumer, delivery)
        for attempt in range(1, PLACE_ATTEMPTS + 1):
            try:
                async with self._database.transaction() as tx:
                    rows = tx.collection("parked")
                    for collection in (rows, tx.collection("inbox")):
                        if await collection.find_one({"_id": id_}, projection={"_id": 1}) is not None:
                            return False
                    last = await rows.find(
                        {"lane": row["lane"], "place": {"$gt": 0}}, sort=[("place", -1)], limit=1, projection={"place": 1}
                    )
                    await rows.insert_one({"_id": id_, "place": last[0]["place"] + 1 if last else 1, **row})
                    if row["state"] == "dead":
                        await self._announce(tx, id_, row, delivery)
            except (Conflict, Duplicate):
                if attempt == PLACE_ATTEMPTS:
                    raise
                await asyncio.sleep(random.uniform(0.001, 0.01) * attempt)
            else:
                self.worker.wake()  # from idle pauses back to short ones
                return True
        raise AssertionError("unreachable")

    def _tell(self, delivery: Delivery, row: Document, error: BaseException | None) -> None:
        with telemetry.within(delivery.traceparent, delivery.tracestate):
            level = logging.ERROR if row["state"] == "dead" else logging.INFO if error is None else logging.WARNING
            why = row["error"] if row["error_kind"] == Unhealable.__name__ else row["error_kind"]
            log.log(
                level,
                "parked message %s of %s as %s, attempt %d, trace %s: %s",
                delivery.shown_id,
                delivery.topic,
                row["state"],
                row["attempts"],
                telemetry.trace_id() or "none",
                why or "it waits behind another of its key",
                exc_info=None if isinstance(error, Unhealable) else error,
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
                "consumer": self._consumer.name,
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
            task = asyncio.create_task(self._retry_lane(lane), name=f"{self._consumer.name}-lane")
            self._retrying.add(task)
            task.add_done_callback(self._retrying.discard)
        return 0

    async def _retry_lane(self, lane: str) -> None:
        moved = 0
        try:
            moved = await self._advance(lane)
        except DatabaseError as error:
            log.log(logging.DEBUG if isinstance(error, Unavailable) else logging.WARNING, "a lane will be tried again", exc_info=True)
        except Exception:
            log.warning("a lane will be tried again", exc_info=True)
        finally:
            self.busy.discard(lane)
            if moved or len(self._retrying) >= LANES_AT_ONCE:
                self.worker.wake()

    async def _advance(self, lane: str) -> int:
        """Take a lane's messages in order until one is not due or fails."""
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
        """Try one message again. True when the lane can go on."""
        try:
            await deliver(self._database, self._consumer, delivery_of(row), parked_row=row["_id"])
        except Repeated:
            pass
        except (Conflict, Unavailable):
            return False
        except Exception as error:  # noqa: BLE001 (whatever a handler raises is why the message stays parked)
            return await self._failed_again(row, error)
        # Gone already where the handler ran; still there where it was handled before, or no handler takes it any more.
        await self._rows.delete_one({"_id": row["_id"], "state": "parked"})
        return True

    async def _failed_again(self, row: Document, error: Exception) -> bool:
        """Note a failed attempt. True when the message is dead and the lane can go on."""
        attempts = row["attempts"] + 1
        dead = isinstance(error, Unhealable) or attempts >= self._consumer.attempts
        changed: Document = {"attempts": attempts, **reason(error)}
        if not dead:
            changed["due"] = clock.now() + timedelta(seconds=self._consumer.pause(attempts))
            await self._rows.update_one({"_id": row["_id"], "attempts": row["attempts"]}, {"$set": changed})
            return False
        delivery = delivery_of(row)
        strict = is_strict(self._consumer, delivery)
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
        """Publish the dead letter as a consequence of its message: in its trace, with it as the cause."""
        token = context.cause.set(delivery.cause)
        try:
            with telemetry.within(delivery.traceparent, delivery.tracestate):
                await tx.publish(
                    MessageDeadLettered(
                        dead_letter=id_,
                        service=self._database.settings.name,
                        consumer=self._consumer.name,
                        message_type=row["event_type"],
                        error=row["error_kind"],
                        attempts=row["attempts"],
                        dead_lettered_at=clock.now(),
                    )
                )
        finally:
            context.cause.reset(token)

    async def _give_places(self) -> None:
        """Number the rows that were parked before rows had places: before all others of their lane, in the order of then."""
        old = await self._rows.find(
            {"place": {"$exists": False}, "consumer": self._consumer.name}, sort=[("order", 1)], projection={"_id": 1, "lane": 1}
        )
        lanes: dict[str, list[str]] = {}
        for row in old:
            lanes.setdefault(row["lane"], []).append(row["_id"])
        for ids in lanes.values():
            for place, id_ in enumerate(ids, start=-len(ids)):
                await self._rows.update_one({"_id": id_, "place": {"$exists": False}}, {"$set": {"place": place}})
