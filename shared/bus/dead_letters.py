"""What an operator does with parked messages: look, mend, replay, discard. Used by the command line and the operator's page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import clock
from shared.mongo import Database, Document


class NoSuchDeadLetterError(LookupError):
    """No parked message or dead letter has this id."""


@dataclass(frozen=True)
class DeadLetter:
    """One parked message or dead letter, with its original bytes."""

    id: str
    state: str
    """`parked` (retried by itself) or `dead` (waits for a person)."""
    consumer: str
    topic: str
    key: str
    event_type: str
    error: str
    attempts: int
    parked_at: datetime
    due: datetime
    trace_id: str | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


class DeadLetters:
    """The parked messages of one service's database."""

    def __init__(self, database: Database[Any]) -> None:
        self._rows = database.collection("parked")

    async def count(self) -> dict[str, int]:
        """How many are `parked` and `dead`."""
        return {state: await self._rows.count({"state": state}) for state in ("parked", "dead")}

    async def list(self, *, state: str = "dead", limit: int = 100) -> list[DeadLetter]:
        """The oldest first."""
        return [_read(row) for row in await self._rows.find({"state": state}, sort=[("order", 1)], limit=limit)]

    async def show(self, id_: str) -> DeadLetter:
        """One of them. Raises `NoSuchDeadLetterError`."""
        row = await self._rows.find_one({"_id": id_})
        if row is None:
            raise NoSuchDeadLetterError(id_)
        return _read(row)

    async def replay(self, id_: str, *, value: bytes | None = None) -> None:
        """Try it again now, with a mended payload where one is given. It keeps its place before later messages of its key."""
        change: Document = {"state": "parked", "holds": True, "attempts": 0, "due": clock.now()}
        if value is not None:
            change["value"] = value
            change["mended"] = True
        if not await self._rows.update_one({"_id": id_}, {"$set": change}):
            raise NoSuchDeadLetterError(id_)

    async def discard(self, id_: str) -> None:
        """Forget it for good."""
        if not await self._rows.delete_one({"_id": id_}):
            raise NoSuchDeadLetterError(id_)


def _read(row: Document) -> DeadLetter:
    traceparent = row.get("traceparent")
    return DeadLetter(
        id=row["_id"],
        state=row["state"],
        consumer=row["consumer"],
        topic=row["topic"],
        key=row["key"],
        event_type=row["event_type"],
        error=f"{row['error_kind']}: {row['error']}" if row["error_kind"] else "",
        attempts=row["attempts"],
        parked_at=row["parked_at"],
        due=row["due"],
        trace_id=traceparent.split("-")[1] if traceparent else None,
        value=bytes(row["value"]),
        headers=tuple((name, bytes(value)) for name, value in row["headers"]),
    )
