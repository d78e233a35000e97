"""Queries about handovers still to be made, and about the couriers that make them.

`handovers` holds only messages on their way, so it stays small. Its rows lie in slots, because the embedded engine reads the
whole index range of a query whatever its limit: a backlog is read a slot at a time.

A claim names its courier, not a time. A courier counts its heartbeats in its own row; another that sees the count stand still
for some seconds of its own monotonic clock declares it dead and frees its claims. So no clocks of two machines are compared.
"""

from dataclasses import dataclass
from datetime import datetime
from zlib import crc32

from shared.mongo import Scope

SLOTS = 8


def slot_of(notification: str) -> int:
    """The slot of a message."""
    return crc32(notification.encode()) % SLOTS


@dataclass(frozen=True)
class Handover:
    """A message that waits for a provider."""

    notification: str
    attempt: int
    """How often it was handed over before."""
    since: datetime
    traceparent: str | None


class Handovers:
    """Messages on their way."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("handovers")

    async def add(self, notification: str, *, at: datetime, traceparent: str | None) -> None:
        """Put a message in line, due at once."""
        await self._rows.insert_one(
            {
                "_id": notification,
                "slot": slot_of(notification),
                "state": "due",
                "due_at": at,
                "courier": None,
                "attempt": 0,
                "since": at,
                "traceparent": traceparent,
            }
        )

    async def due(self, slot: int, *, at: datetime, limit: int) -> list[Handover]:
        """Messages of a slot that are due, longest waiting first."""
        rows = await self._rows.find({"slot": slot, "state": "due", "due_at": {"$lte": at}}, sort=[("due_at", 1)], limit=limit)
        return [Handover(row["_id"], row["attempt"], row["since"], row["traceparent"]) for row in rows]

    async def claim(self, notification: str, courier: str) -> bool:
        """Take a message for one courier. False where another was faster."""
        return await self._rows.update_one(
            {"_id": notification, "state": "due"}, {"$set": {"state": "claimed", "courier": courier}, "$inc": {"attempt": 1}}
        )

    async def postpone(self, notification: str, *, courier: str, due: datetime) -> bool:
        """Put a message back in line. False where the claim was lost to another courier."""
        return await self._rows.update_one(
            {"_id": notification, "courier": courier}, {"$set": {"state": "due", "courier": None, "due_at": due}}
        )

    async def free(self, courier: str, *, at: datetime) -> int:
        """Put back in line what a courier held. Gives how many."""
        return await self._rows.update_many({"courier": courier}, {"$set": {"state": "due", "courier": None, "due_at": at}})

    async def claimants(self, slot: int) -> set[str]:
        """The couriers that hold messages of a slot."""
        return {row["courier"] for row in await self._rows.find({"slot": slot, "state": "claimed"}, projection={"courier": 1})}

    async def held(self, courier: str) -> set[str]:
        """The messages that a courier holds."""
        return {row["_id"] for row in await self._rows.find({"courier": courier}, projection={"_id": 1})}

    async def remove(self, notification: str) -> bool:
        """Take a message out of the line for good."""
        return await self._rows.delete_one({"_id": notification})


class Couriers:
    """The replicas that hand messages over, each with its count of heartbeats."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("couriers")

    async def enlist(self, courier: str) -> None:
        """Begin to count."""
        await self._rows.insert_one({"_id": courier, "beat": 0, "dead": False})

    async def beat(self, courier: str) -> bool:
        """Show that the courier lives. False where another has declared it dead: its claims are gone."""
        return await self._rows.update_one({"_id": courier, "dead": False}, {"$inc": {"beat": 1}})

    async def all(self) -> list[tuple[str, int, bool]]:
        """Every courier's name, count, and whether it was declared dead."""
        return [(row["_id"], row["beat"], row["dead"]) for row in await self._rows.find({})]

    async def declare_dead(self, courier: str, beat: int) -> bool:
        """Declare a courier dead. False where it has given a sign of life since `beat`."""
        return await self._rows.update_one({"_id": courier, "beat": beat}, {"$set": {"dead": True}})

    async def strike_off(self, courier: str) -> None:
        """Forget a courier that holds nothing any more."""
        await self._rows.delete_one({"_id": courier})
