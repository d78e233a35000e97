"""Queries about messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from contracts.events.notifications import Channel
from services.notifications.domain.notifications import Envelope, Notification, Status
from services.notifications.domain.senders import RETENTION_DAYS, KeyType
from services.notifications.domain.templates import Content
from shared.mongo import Scope

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Filters:
    """A caller's filters; an empty one selects everything."""

    statuses: Sequence[Status] = ()
    types: Sequence[str] = ()
    references: Sequence[str] = ()
    """Digests of one reference, one under each secret key."""
    older_than: str | None = None


@dataclass(frozen=True)
class StoredNotification:
    """A stored message. Queries and delivery need the fields in clear; the message's own data key encrypts recipient and text."""

    IN_CLEAR: ClassVar = (
        *("id", "service", "borough", "channel", "key_type", "template", "template_version", "status"),
        *("created_at", "keep_until", "sent_at", "completed_at", "sequence"),
    )

    id: str
    service: str
    borough: str | None
    channel: Channel
    key_type: KeyType
    template: str
    template_version: int
    status: Status
    created_at: datetime
    keep_until: datetime
    sent_at: datetime | None
    completed_at: datetime | None
    sequence: int
    reference: str | None
    """Keyed digest of the caller's reference."""
    key: bytes
    """The data key, encrypted under the secret key `key_id`."""
    key_id: str
    sealed: bytes
    unsent: bytes | None
    """HTML and plain text, which only the delivery worker needs."""


StoredRow = StoredNotification | Notification
"""A stored row. Earlier versions wrote messages in clear, and the worker may not have sealed them yet."""


class Notifications:
    """Messages of a service. Finds no message of another service, and none after its retention."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("notifications")

    async def insert(self, notification: StoredNotification) -> None:
        """Write a new message."""
        await self._rows.insert_one(_row(notification))

    async def get(self, notification: str, *, service: str, at: datetime) -> StoredRow | None:
        """One message, whichever kind of key sent it."""
        row = await self._rows.find_one({"_id": notification, "service": service})
        kept = _stored_row(row) if row else None
        return kept if kept and kept.keep_until > at else None

    async def to_deliver(self, notification: str) -> StoredRow | None:
        """One message of any service, for the delivery worker."""
        row = await self._rows.find_one({"_id": notification})
        return _stored_row(row) if row else None

    async def page(self, filters: Filters, *, service: str, key_type: KeyType, size: int, at: datetime) -> list[StoredRow]:
        """Return a service's messages sent by one kind of key, newest first. Ids are in the order of time."""
        wanted: dict[str, Any] = {"service": service, "key_type": key_type.value}
        if filters.statuses:
            wanted["status"] = {"$in": [status.value for status in filters.statuses]}
        if filters.types:
            wanted["channel"] = {"$in": list(filters.types)}
        if filters.references:
            wanted["reference"] = filters.references[0] if len(filters.references) == 1 else {"$in": list(filters.references)}
        if filters.older_than is not None:
            wanted["_id"] = {"$lt": filters.older_than}
        wanted["keep_until"] = {"$not": {"$lte": at}}
        return [_stored_row(row) for row in await self._rows.find(wanted, sort=[("_id", -1)], limit=size)]

    async def move(self, before: Notification, after: Notification) -> bool:
        """Write a message's next state. Returns False if it has left the state `before`.

        Removes HTML and plain text, which only the delivery worker needs, when the message has ended. From then on the row can expire.
        """
        update: dict[str, Any] = {
            "$set": {
                "status": after.status.value,
                "sent_at": after.sent_at,
                "completed_at": after.completed_at,
                "sequence": after.sequence,
            }
        }
        if after.status.is_final:
            update["$set"]["expires_at"] = after.keep_until
            update["$unset"] = {"unsent": "", "content.html": "", "content.text": ""}
        return await self._rows.update_one({"_id": after.id, "sequence": before.sequence, "status": before.status.value}, update)

    async def expire(self, at: datetime, limit: int) -> int:
        """Delete up to `limit` ended messages after their retention. Returns how many.

        Keeps a message that no worker could end yet, although the API hides it: nothing accepted is lost, however long the platform was
        down.
        """
        over = await self._rows.find({"expires_at": {"$gt": BEGINNING, "$lte": at}}, limit=limit, projection={"_id": 1})
        if not over:
            return 0
        return await self._rows.delete_many({"_id": {"$in": [row["_id"] for row in over]}})

    async def sealed_under(self, key_id: str | None, limit: int) -> list[StoredRow]:
        """Return messages whose data key is wrapped under that secret key; with None, messages that an earlier version wrote in clear."""
        return [_stored_row(row) for row in await self._rows.find({"key_id": key_id}, limit=limit)]

    async def seal(self, clear: Notification, sealed: StoredNotification) -> bool:
        """Replace a row in clear by its sealed form. Returns False if the row has changed since it was read."""
        where = {"_id": clear.id, "key_id": None, "sequence": clear.sequence, "status": clear.status.value}
        expiring = {"expires_at": sealed.keep_until} if sealed.status.is_final else {}
        return await self._rows.replace_one(where, _row(sealed) | expiring)

    async def rewrap(self, before: StoredNotification, after: StoredNotification) -> bool:
        """Write the data key as wrapped by the newest secret key. Returns False if another process did."""
        change = {"key": after.key, "key_id": after.key_id, "reference": after.reference}
        return await self._rows.update_one({"_id": before.id, "key_id": before.key_id}, {"$set": change})


def _row(notification: StoredNotification) -> dict[str, Any]:
    row = dict(vars(notification))
    row["_id"] = row.pop("id")
    for name in ("channel", "key_type", "status"):
        row[name] = row[name].value
    return row


def _stored_row(row: dict[str, Any]) -> StoredRow:
    facts = {name: row[name] for name in StoredNotification.IN_CLEAR if name in row} | {
        "id": row["_id"],
        "channel": Channel(row["channel"]),
        "key_type": KeyType(row["key_type"]),
        "status": Status(row["status"]),
        "reference": row["reference"],
    }
    if "sealed" in row:
        unsent = row.get("unsent")
        return StoredNotification(
            **facts, key=bytes(row["key"]), key_id=row["key_id"], sealed=bytes(row["sealed"]), unsent=bytes(unsent) if unsent else None
        )
    content = row["content"]
    return Notification(
        **facts,
        keep_until=row["created_at"] + timedelta(days=RETENTION_DAYS),
        original_recipient=row["given_recipient"],
        envelope=Envelope(**row["envelope"]),
        content=Content(content["body"], content["subject"], content.get("html"), content.get("text")),
    )
