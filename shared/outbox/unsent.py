"""Events that the broker refuses for good: set aside with the later events of their key, announced, and retried with growing pauses.

The refused event is the *head* of its key, or of its whole topic if the broker refuses every event for that: a row of `outbox_unsent` in
state `refused`. Later events of the key follow it there in state `waiting`, because an event must not overtake an earlier one. Other events
flow. The relay sends the head again after each pause, or at once if an operator asks. Once the broker accepts it (mended, or because the
topic's limit or permission has changed), the waiting events follow in order.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from contracts.events.platform import DEAD_LETTERS, MessageUnsent
from shared import clock, retry, telemetry
from shared.events import header
from shared.mongo import Collection, Conflict, Database, Document, Duplicate, Transaction
from shared.outbox.sender import Refusal, Sender

log = logging.getLogger(__name__)
REFUSED, WAITING = "refused", "waiting"
FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3600.0
FAILURE_PAUSE_SECONDS = 5.0
HEADS_A_LOOK = 20
ROWS_A_TURN = 100
CONFLICT_ATTEMPTS, FIRST_WAIT_SECONDS = 8, 0.04
BYTES_A_TRANSACTION = 1_000_000
_ASCENDING = [("order", 1)]


@dataclass(frozen=True)
class Head:
    """The refused event that holds back the later events of its key or topic."""

    id: str
    shard: int
    topic: str
    key: str
    whole_topic: bool

    @classmethod
    def of(cls, row: Document) -> "Head":
        """Reads a row of `outbox_unsent`."""
        return cls(row["_id"], row["shard"], row["topic"], row["key"], row["whole_topic"])

    def line(self) -> Document:
        """A query for the head and the rows behind it."""
        return {"shard": self.shard, "topic": self.topic, **({} if self.whole_topic else {"key": self.key})}


class Unsent:
    """One service's unsent events, kept and retried by its relay."""

    def __init__(self, database: Database[Any], sender: Sender) -> None:
        self._database = database
        self._settings = database.settings
        self._rows = database.collection("outbox_unsent")
        self._sender = sender
        self._topics: dict[tuple[int, str], Head] = {}
        self._keys: dict[tuple[str, str], Head] = {}
        self.count = 0
        """Unsent events of the whole service, as of the last look."""
        self.is_stale = False
        """Whether an operator or another replica changed a row, so that `look` must run before the next send."""

    @property
    def heads(self) -> int:
        """The number of keys and topics that are held back in these shards."""
        return len(self._topics) + len(self._keys)

    async def look(self, shards: set[int]) -> None:
        """Reads the heads of these shards again, because an operator may have changed them."""
        found = await self._rows.find({"state": REFUSED, "shard": {"$in": sorted(shards)}}, projection=_HEAD)
        self._topics, self._keys, self.is_stale = {}, {}, False
        for row in found:
            self._note(Head.of(row))
        self.count = await self._rows.count({}) if found or self.count else 0

    def head_of(self, row: Document) -> Head | None:
        """The head that this row must wait behind, or None."""
        return self._topics.get((row["shard"], row["topic"])) or self._keys.get((row["topic"], row["key"]))

    async def set_aside(self, refusals: Sequence[Refusal]) -> None:
        """Moves refused rows from the outbox to `outbox_unsent`, and announces them."""
        for refusal in refusals:
            if self.head_of(refusal.row) is None:
                await self._set_aside(refusal)

    async def add(self, rows: Sequence[Document]) -> None:
        """Moves rows behind their heads, in order."""
        behind: dict[Head, list[Document]] = {}
        for row in rows:
            head = self.head_of(row)
            if head is not None:
                behind.setdefault(head, []).append(row)
        for head, of_head in behind.items():
            for part in _parts(of_head):
                if not await self._add(head, part):
                    break

    async def retry(self, shards: set[int], epoch: str) -> None:
        """Sends the heads that are due, and the events behind a head that the broker accepts."""
        where = {"state": REFUSED, "due": {"$lte": clock.now()}, "shard": {"$in": sorted(shards)}}
        for row in await self._rows.find(where, sort=[("due", 1)], limit=HEADS_A_LOOK, projection=_HEAD):
            await self._follow(Head.of(row), epoch)

    async def _follow(self, head: Head, epoch: str) -> None:
        """Sends a head and the events behind it, until none is left or the broker refuses one.

        A passing failure postpones these events and no others.
        """
        following: Head | None = head
        limit = 0  # the head alone at first
        while following is not None:
            head = following
            rows = await self._rows.find({"_id": head.id, "state": REFUSED})
            if not rows:
                self.is_stale = True
                return
            if limit:
                rows += await self._rows.find(self._behind(head), sort=_ASCENDING, limit=limit)
            outcome = await self._sender.send(rows, epoch)
            for refusal in outcome.refused:
                await self._refused_again(refusal)
            following = await self._sent(head, outcome.accepted)
            if outcome.failure is not None and following is not None:
                log.warning("a refused event cannot be retried now", exc_info=outcome.failure)
                later = clock.now() + timedelta(seconds=FAILURE_PAUSE_SECONDS)
                await self._rows.update_one({"_id": following.id, "state": REFUSED}, {"$set": {"due": later}})
            if outcome.failure is not None or following == head:
                return
            limit = ROWS_A_TURN

    def _behind(self, head: Head) -> Document:
        """A query for the events behind a head. For a whole topic it leaves out keys with a head of their own."""
        where = {**head.line(), "state": WAITING}
        if head.whole_topic:
            where["key"] = {"$nin": [key for topic, key in self._keys if topic == head.topic]}
        return where

    async def _sent(self, head: Head, rows: Sequence[Document]) -> Head | None:
        """Deletes accepted rows. Returns the next head, or None if no event waits."""
        if not rows:
            return head
        if not self._settings.broker_durable:
            expires = clock.now() + timedelta(hours=self._settings.outbox_retention_hours)
            kept = [{name: row[name] for name in _OUTBOX_FIELDS} | {"expires_at": expires} for row in rows]
            try:
                await self._database.collection("outbox_sent").insert_many(kept, ordered=False)
            except Duplicate:
                log.debug("some of these rows were kept before a crash")
        ids = [row["_id"] for row in rows]
        following: Head | None = head
        async with self._database.transaction() as tx:
            unsent = tx.collection("outbox_unsent")
            await unsent.delete_many({"_id": {"$in": ids}})
            if head.id in ids:
                following = await _promote(unsent, head, self._behind(head))
        if following != head:
            self._forget(head)
        if following is not None:
            self._note(following)
        log.warning("the broker takes %d events of %s that it had refused or that waited behind one", len(rows), head.topic)
        return following

    async def _refused_again(self, refusal: Refusal) -> None:
        row = refusal.row
        attempts = int(row["attempts"]) + 1
        due = clock.now() + timedelta(seconds=retry.pause(attempts, first=FIRST_PAUSE_SECONDS, longest=LONGEST_PAUSE_SECONDS))
        state = {"state": REFUSED, "whole_topic": refusal.whole_topic, "error": type(refusal.error).__name__}
        async with self._database.transaction() as tx:
            await tx.collection("outbox_unsent").update_one({"_id": row["_id"]}, {"$set": {**state, "attempts": attempts, "due": due}})
            if row["state"] != REFUSED:
                await self._announce(tx, refusal)
        self._note(Head.of({**row, **state}))

    async def _set_aside(self, refusal: Refusal) -> None:
        now = clock.now()
        row = refusal.row | {
            "state": REFUSED,
            "whole_topic": refusal.whole_topic,
            "error": type(refusal.error).__name__,
            "attempts": 1,
            "set_aside_at": now,
            "due": now + timedelta(seconds=FIRST_PAUSE_SECONDS),
        }
        try:
            async with self._database.transaction() as tx:
                await self._announce(tx, refusal)
                await tx.collection("outbox_unsent").insert_one(row)
                await tx.collection("outbox").delete_one({"_id": row["_id"]})
        except Duplicate:  # a commit with a lost answer has moved it
            await self._database.collection("outbox").delete_one({"_id": row["_id"]})
        self._note(Head.of(row))
        telemetry.unsent.add(1, {"messaging.destination.name": row["topic"], "error.type": row["error"]})
        log.error(
            "the broker refuses event %s for %s (%s): it is set aside, and later events of its %s wait behind it",
            row["_id"],
            row["topic"],
            row["error"],
            "topic" if row["whole_topic"] else "key",
        )

    async def _announce(self, tx: Transaction, refusal: Refusal) -> None:
        """Publishes `MessageUnsent`, once for a whole topic. A refused announcement is only logged, or announcements would never end."""
        row = refusal.row
        if row["topic"] == f"{self._settings.topic_prefix}{DEAD_LETTERS}":
            return
        same = {"state": REFUSED, "whole_topic": True, "topic": row["topic"]}
        if refusal.whole_topic and await tx.collection("outbox_unsent").find_one(same, projection={"_id": 1}) is not None:
            return
        headers = [(name, bytes(value)) for name, value in row["headers"]]
        await tx.publish(
            MessageUnsent(
                message=row["_id"],
                service=self._settings.name,
                destination=row["topic"].removeprefix(self._settings.topic_prefix),
                message_type=header(headers, "ce_type") or "",
                error=type(refusal.error).__name__,
                whole_topic=refusal.whole_topic,
                unsent_at=clock.now(),
            ),
            borough=header(headers, "ce_borough"),
        )

    async def _add(self, head: Head, rows: Sequence[Document]) -> bool:
        """Moves rows behind a head. False if the head is gone: then the rows stay in the outbox and are sent from there."""
        now = clock.now()
        waiting = [
            row
            | {
                "state": WAITING,
                "whole_topic": head.whole_topic,
                "error": "",
                "attempts": 0,
                "set_aside_at": now,
                "due": now,
            }
            for row in rows
        ]
        ids = [row["_id"] for row in rows]
        held = False
        try:
            async with self._database.transaction() as tx:
                # The write to the head conflicts with a deletion of it, which would leave these rows behind no head.
                held = await tx.collection("outbox_unsent").update_one({"_id": head.id, "state": REFUSED}, {"$inc": {"behind": len(rows)}})
                if held:
                    await tx.collection("outbox_unsent").insert_many(waiting)
                    await tx.collection("outbox").delete_many({"_id": {"$in": ids}})
        except Duplicate:  # a commit with a lost answer has moved them
            known = await self._rows.find({"_id": {"$in": ids}}, projection={"_id": 1})
            await self._database.collection("outbox").delete_many({"_id": {"$in": [row["_id"] for row in known]}})
            held = False
        self.is_stale = self.is_stale or not held
        return held

    def _note(self, head: Head) -> None:
        if head.whole_topic:
            self._topics[head.shard, head.topic] = head
        else:
            self._keys[head.topic, head.key] = head

    def _forget(self, head: Head) -> None:
        if head.whole_topic:
            self._topics.pop((head.shard, head.topic), None)
        else:
            self._keys.pop((head.topic, head.key), None)


@dataclass(frozen=True)
class UnsentMessage:
    """One event that the broker refused, or that waits behind a refused one."""

    id: str
    state: str
    """`refused` (the head, retried with growing pauses) or `waiting`."""
    topic: str
    key: str
    event_type: str
    error: str
    attempts: int
    set_aside_at: Any
    due: Any
    trace_id: str | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


class NoSuchUnsentMessageError(LookupError):
    """No unsent event has this id, or it waits behind another and cannot be retried alone."""


class UnsentMessages:
    """An operator's view of one service's unsent events: list, show, mend, retry, discard."""

    def __init__(self, database: Database[Any]) -> None:
        self._database = database
        self._rows = database.collection("outbox_unsent")

    async def count(self) -> dict[str, int]:
        """The number of events in each state, `refused` and `waiting`."""
        return {state: await self._rows.count({"state": state}) for state in (REFUSED, WAITING)}

    async def list(self, *, limit: int = 100) -> list[UnsentMessage]:
        """The refused events, then the waiting ones, each in the order in which they were set aside."""
        found = await self._rows.find({}, sort=[("state", 1), ("set_aside_at", 1)], limit=limit)
        return [_read(row) for row in found]

    async def show(self, id_: str) -> UnsentMessage:
        """One event. Raises `NoSuchUnsentMessageError`."""
        row = await self._rows.find_one({"_id": id_})
        if row is None:
            raise NoSuchUnsentMessageError(id_)
        return _read(row)

    async def retry(self, id_: str, *, value: bytes | None = None) -> None:
        """Has the relay send it within a second, with a mended payload if given. Raises `NoSuchUnsentMessageError`."""
        change: Document = {"due": clock.now(), **({"value": value, "mended": True} if value is not None else {})}
        if not await self._rows.update_one({"_id": id_, "state": REFUSED}, {"$set": change}):
            raise NoSuchUnsentMessageError(id_)

    async def discard(self, id_: str) -> None:
        """Deletes it for good; the relay sends the events behind it. Raises `NoSuchUnsentMessageError`."""
        # a conflict: the relay puts an event behind it, or tries it, at this moment
        await retry.retry(lambda: self._discard(id_), on=Conflict, attempts=CONFLICT_ATTEMPTS, first=FIRST_WAIT_SECONDS)

    async def _discard(self, id_: str) -> None:
        async with self._database.transaction() as tx:
            rows = tx.collection("outbox_unsent")
            row = await rows.find_one({"_id": id_})
            if row is None or not await rows.delete_one({"_id": id_}):
                raise NoSuchUnsentMessageError(id_)
            if row["state"] == REFUSED:
                head = Head.of(row)
                await _promote(rows, head, {**head.line(), "state": WAITING})


async def _promote(rows: Collection, head: Head, behind: Document) -> Head | None:
    """Make the first of those behind a head that goes the next head, to be sent at once."""
    following = await rows.find(behind, sort=_ASCENDING, limit=1, projection=_HEAD)
    if not following:
        return None
    row = following[0] | {"whole_topic": head.whole_topic}
    state = {"state": REFUSED, "whole_topic": head.whole_topic, "error": "", "attempts": 0, "due": clock.now()}
    await rows.update_one({"_id": row["_id"]}, {"$set": state})
    return Head.of(row)


def _read(row: Document) -> UnsentMessage:
    headers = tuple((name, bytes(value)) for name, value in row["headers"])
    traceparent = header(headers, "traceparent")
    return UnsentMessage(
        id=row["_id"],
        state=row["state"],
        topic=row["topic"],
        key=row["key"],
        event_type=header(headers, "ce_type") or "",
        error=row["error"],
        attempts=row["attempts"],
        set_aside_at=row["set_aside_at"],
        due=row["due"],
        trace_id=traceparent.split("-")[1] if traceparent else None,
        value=bytes(row["value"]),
        headers=headers,
    )


def _parts(rows: Sequence[Document]) -> list[list[Document]]:
    """Rows in portions that one transaction may write."""
    parts: list[list[Document]] = [[]]
    size = 0
    for row in rows:
        if parts[-1] and (size + len(row["value"]) > BYTES_A_TRANSACTION or len(parts[-1]) == ROWS_A_TURN):
            parts.append([])
            size = 0
        parts[-1].append(row)
        size += len(row["value"])
    return parts


_HEAD = {"shard": 1, "topic": 1, "key": 1, "whole_topic": 1, "due": 1}
_OUTBOX_FIELDS = ("_id", "shard", "order", "topic", "key", "value", "headers", "at")
