"""Parked messages and dead letters: rows in the consumer's own database.

A failed message is parked and its partition moves on. While a key has a parked row, later messages of that key queue behind it in
the same *lane*, so order per key holds and other keys flow. A worker retries the head of a lane with backoff; after the last attempt,
or at once where no retry can help, it becomes a dead letter that people can look at, mend and replay.
"""

import logging
from datetime import timedelta
from typing import Any

from contracts.events.platform import MessageDeadLettered
from shared import clock
from shared.bus.consumer import Consumer, Unhealable
from shared.bus.delivery import Delivery, Repeated, deliver
from shared.events import new_id
from shared.mongo import Collection, Conflict, Database, Document, Unavailable
from shared.worker import Worker

log = logging.getLogger(__name__)
LANES_A_STEP = 50
ERROR_TEXT = 500


def lane_of(consumer: Consumer, delivery: Delivery) -> str:
    """Where messages wait for each other: one consumer's messages of one topic and key."""
    return f"{consumer.name}:{delivery.topic}:{delivery.key}"


class Parking:
    """The parked messages of one consumer, and the worker that retries them."""

    def __init__(self, database: Database[Any], consumer: Consumer) -> None:
        self._database = database
        self._rows: Collection = database.collection("parked")
        self._consumer = consumer
        self.worker = Worker(f"{consumer.name}-parked", self._step, interval=1.0)

    async def held_lanes(self, lanes: list[str]) -> set[str]:
        """Those of these lanes in which something waits."""
        rows = await self._rows.find({"lane": {"$in": lanes}, "holds": True}, projection={"lane": 1})
        return {row["lane"] for row in rows}

    async def park(self, delivery: Delivery, error: BaseException | None) -> None:
        """Keep a message: `error` is why it failed, None when it only waits behind another. Parking it again changes nothing."""
        now = clock.now()
        dead = isinstance(error, Unhealable)
        about = delivery.envelope
        row: Document = {
            "consumer": self._consumer.name,
            "lane": lane_of(self._consumer, delivery),
            "order": new_id(),
            "state": "dead" if dead else "parked",
            "holds": not dead or self._is_strict(delivery),
            "topic": delivery.topic,
            "key": delivery.key,
            "value": delivery.value,
            "headers": [[name, value] for name, value in delivery.headers],
            "event_type": about.type if about else "",
            "traceparent": about.traceparent if about else None,
            "attempts": 0 if error is None else 1,
            "due": now + timedelta(seconds=0 if error is None else self._consumer.pause(1)),
            "parked_at": now,
            **_told(error),
        }
        id_ = f"{self._consumer.name}:{delivery.id}"
        async with self._database.transaction() as tx:
            rows = tx.collection("parked")
            if await rows.find_one({"_id": id_}, projection={"_id": 1}) is not None:
                return
            await rows.insert_one({"_id": id_, **row})
            if dead:
                await tx.publish(self._dead_letter(id_, row))
        log.warning(
            "parked a message of %s as %s: %s", delivery.topic, row["state"], row["error_kind"] or "it waits behind another of its key"
        )

    async def _step(self) -> int:
        now = clock.now()
        due = await self._rows.find(
            {"state": "parked", "consumer": self._consumer.name, "due": {"$lte": now}},
            sort=[("due", 1)],
            limit=LANES_A_STEP,
            projection={"lane": 1},
        )
        moved = 0
        for lane in dict.fromkeys(row["lane"] for row in due):
            moved += await self._advance(lane)
        return moved

    async def _advance(self, lane: str) -> int:
        """Take a lane's messages in order until one is not due or fails."""
        moved = 0
        while True:
            heads = await self._rows.find({"lane": lane, "holds": True}, sort=[("order", 1)], limit=1)
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
            await deliver(self._database, self._consumer, Delivery.of_parked(row), parked_row=row["_id"])
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
        attempts = row["attempts"] + 1
        dead = isinstance(error, Unhealable) or attempts >= self._consumer.attempts
        if not dead:
            due = clock.now() + timedelta(seconds=self._consumer.pause(attempts))
            await self._rows.update_one(
                {"_id": row["_id"], "attempts": row["attempts"]}, {"$set": {"attempts": attempts, "due": due, **_told(error)}}
            )
            return False
        strict = self._is_strict(Delivery.of_parked(row))
        async with self._database.transaction() as tx:
            changed = await tx.collection("parked").update_one(
                {"_id": row["_id"], "attempts": row["attempts"], "state": "parked"},
                {"$set": {"state": "dead", "holds": strict, "attempts": attempts, "died_at": clock.now(), **_told(error)}},
            )
            if changed:
                await tx.publish(self._dead_letter(row["_id"], {**row, "attempts": attempts, **_told(error)}))
        log.error("a message of %s is a dead letter after %d attempts: %s", row["topic"], attempts, type(error).__name__)
        return not strict

    def _is_strict(self, delivery: Delivery) -> bool:
        handler = self._consumer.handlers.get(delivery.envelope.type) if delivery.envelope else None
        return handler is not None and handler.strict

    def _dead_letter(self, id_: str, row: Document) -> MessageDeadLettered:
        return MessageDeadLettered(
            dead_letter=id_,
            service=self._database.settings.name,
            consumer=self._consumer.name,
            message_type=row["event_type"],
            error=row["error_kind"],
            attempts=row["attempts"],
            dead_lettered_at=clock.now(),
        )


def _told(error: BaseException | None) -> dict[str, str]:
    return {"error_kind": type(error).__name__ if error else "", "error": str(error)[:ERROR_TEXT] if error else ""}
