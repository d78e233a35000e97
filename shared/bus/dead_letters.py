"""An operator's view of parked messages: list, show, mend, replay, discard. The command line and the operator's page use it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import clock
from shared.mongo import Database, Document

SHORTEST_ID = 4
SHORT_ID = 12
"""Digits of an id in a list; longer if two messages share them."""


class NoSuchDeadLetterError(LookupError):
    """No parked message or dead letter has this id."""


class AmbiguousIdError(LookupError):
    """Several parked messages have an id with this beginning; the ids are its arguments."""


@dataclass(frozen=True)
class DeadLetter:
    """One parked message or dead letter, with its original bytes, or the beginning of them if `is_cut`."""

    id: str
    """`<consumer>:<32 hexadecimal digits>`."""
    state: str
    """`parked` (retried by the service) or `dead` (waits for an operator)."""
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
    headers: tuple[tuple[str, bytes | None], ...]
    partition: int | None
    offset: int | None
    is_cut: bool

    @property
    def digits(self) -> str:
        """The id without the consumer's name. Any unique beginning of it names the message."""
        return self.id.rpartition(":")[2]


class DeadLetters:
    """The parked messages of one service's database."""

    def __init__(self, database: Database[Any]) -> None:
        self._database = database
        self._rows = database.collection("parked")

    async def count(self) -> dict[str, int]:
        """The number of messages in each state, `parked` and `dead`."""
        return {state: await self._rows.count({"state": state}) for state in ("parked", "dead")}

    async def list(self, *, state: str = "dead", limit: int = 100) -> list[DeadLetter]:
        """Messages in this state, oldest first."""
        return [_read(row) for row in await self._rows.find({"state": state}, sort=[("parked_at", 1), ("place", 1)], limit=limit)]

    async def show(self, id_: str) -> DeadLetter:
        """One message. Raises `NoSuchDeadLetterError`, `AmbiguousIdError`."""
        row = await self._rows.find_one({"_id": await self.find(id_)})
        if row is None:
            raise NoSuchDeadLetterError(id_)
        return _read(row)

    async def find(self, id_: str) -> str:
        """The whole id of the message that this id, or a beginning of its digits, names.

        Raises `NoSuchDeadLetterError`, `AmbiguousIdError`.
        """
        if await self._rows.find_one({"_id": id_}, projection={"_id": 1}) is not None:
            return id_
        if len(id_) < SHORTEST_ID or ":" in id_:
            raise NoSuchDeadLetterError(id_)
        found = await self._rows.find({"_id": {"$regex": f":{re.escape(id_)}[^:]*$"}}, limit=10, projection={"_id": 1})
        if not found:
            raise NoSuchDeadLetterError(id_)
        if len(found) > 1:
            raise AmbiguousIdError(*sorted(row["_id"] for row in found))
        return str(found[0]["_id"])

    async def replay(self, id_: str, *, value: bytes | None = None, headers: Mapping[str, bytes | None] | None = None) -> None:
        """Retries the message now, with a mended payload or headers if given; a header of None is removed.

        The message keeps its place before later messages of its key. Raises `NoSuchDeadLetterError`, `AmbiguousIdError`.
        """
        whole = await self.find(id_)
        change: Document = {"state": "parked", "holds": True, "attempts": 0, "due": clock.now()}
        if value is not None:
            change["value"] = value
        if headers:
            row = await self._rows.find_one({"_id": whole}, projection={"headers": 1})
            kept = [[name, content] for name, content in (row or {"headers": []})["headers"] if name not in headers]
            change["headers"] = kept + [[name, content] for name, content in headers.items() if content is not None]
        if value is not None or headers:
            change["mended"] = True
        if not await self._rows.update_one({"_id": whole}, {"$set": change}):
            raise NoSuchDeadLetterError(id_)

    async def discard(self, id_: str) -> None:
        """Deletes the message for good; a repeat of it has no effect. Raises `NoSuchDeadLetterError`, `AmbiguousIdError`."""
        whole = await self.find(id_)
        async with self._database.transaction() as tx:
            if not await tx.collection("parked").delete_one({"_id": whole}):
                raise NoSuchDeadLetterError(id_)
            if await tx.collection("inbox").find_one({"_id": whole}, projection={"_id": 1}) is None:
                await tx.collection("inbox").insert_one({"_id": whole, "at": clock.now()})


def short_ids(letters: "list[DeadLetter]") -> dict[str, str]:
    """For each id, a beginning of its digits that is unique among these."""
    digits = {letter.id: letter.digits for letter in letters}
    for length in range(SHORT_ID, max(map(len, digits.values()), default=0)):
        short = {id_: text[:length] for id_, text in digits.items()}
        if len(set(short.values())) == len(short):
            return short
    return digits


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
        headers=tuple((name, None if value is None else bytes(value)) for name, value in row["headers"]),
        partition=row.get("partition"),
        offset=row.get("offset"),
        is_cut=row.get("cut", False),
    )
