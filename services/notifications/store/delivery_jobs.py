"""Queries about delivery jobs: messages that no provider accepted yet.

The collection contains only unfinished messages, so it stays small. Its rows are divided into slots, because the embedded engine reads a
query's whole index range whatever its limit: a worker reads a backlog one slot at a time. A claim names its process (`shared.presence`).
Collection and field keep the names of earlier versions, whose rows the service still reads.
"""

from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

from shared.clock import now
from shared.mongo import Scope
from shared.presence import Claims, Presence

SLOTS = 8
COLLECTION, HOLDER = "handovers", "courier"


def slot_of(notification: str) -> int:
    """Return the slot of a message."""
    return crc32(notification.encode()) % SLOTS


def claims(scope: Scope, presence: Presence) -> Claims:
    """Return the claims on delivery jobs. A released job is due at once."""
    return Claims(presence, scope.collection(COLLECTION), holder=HOLDER, freed=lambda: {"state": "due", "due_at": now()})


@dataclass(frozen=True)
class DeliveryJob:
    """A message that no provider accepted yet."""

    notification: str
    attempt: int
    """The number of earlier attempts."""
    since: datetime
    traceparent: str | None


class DeliveryJobs:
    """Jobs of all services."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection(COLLECTION)

    async def add(self, notification: str, *, at: datetime, traceparent: str | None) -> None:
        """Add a job, due at once."""
        await self._rows.insert_one(
            {
                "_id": notification,
                "slot": slot_of(notification),
                "state": "due",
                "due_at": at,
                HOLDER: None,
                "attempt": 0,
                "since": at,
                "traceparent": traceparent,
            }
        )

    async def due(self, slot: int, *, at: datetime, limit: int) -> list[DeliveryJob]:
        """Return a slot's due jobs, the longest waiting first."""
        rows = await self._rows.find({"slot": slot, "state": "due", "due_at": {"$lte": at}}, sort=[("due_at", 1)], limit=limit)
        return [DeliveryJob(row["_id"], row["attempt"], row["since"], row["traceparent"]) for row in rows]

    async def claim(self, notification: str, holder: str) -> bool:
        """Claim a job for the process of this name. Returns False if another process was faster."""
        return await self._rows.update_one(
            {"_id": notification, "state": "due"}, {"$set": {"state": "claimed", HOLDER: holder}, "$inc": {"attempt": 1}}
        )

    async def postpone(self, notification: str, *, holder: str, due: datetime) -> bool:
        """Release a claim; the job is due at `due`. Returns False if another process holds it by now."""
        return await self._rows.update_one({"_id": notification, HOLDER: holder}, {"$set": {"state": "due", HOLDER: None, "due_at": due}})

    async def remove(self, notification: str) -> bool:
        """Remove the job of an ended message."""
        return await self._rows.delete_one({"_id": notification})
