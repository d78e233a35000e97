"""Queries about messages."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from contracts.events.notifications import Channel
from services.notifications.domain.notifications import Envelope, Notification, Status
from services.notifications.domain.senders import KeyType
from services.notifications.domain.templates import Content
from shared.mongo import Scope


@dataclass(frozen=True)
class Filters:
    """What a caller's list is narrowed to; empty means anything."""

    statuses: Sequence[Status] = ()
    types: Sequence[str] = ()
    reference: str | None = None
    older_than: str | None = None


class Notifications:
    """Messages of a service. Ids of other services' messages are not found."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("notifications")

    async def insert(self, notification: Notification) -> None:
        """Write a new message."""
        await self._rows.insert_one(_row(notification))

    async def get(self, notification: str, *, service: str) -> Notification | None:
        """One message, whichever kind of key sent it."""
        row = await self._rows.find_one({"_id": notification, "service": service})
        return _notification(row) if row else None

    async def to_deliver(self, notification: str) -> Notification | None:
        """One message, for the courier: it works for every service."""
        row = await self._rows.find_one({"_id": notification})
        return _notification(row) if row else None

    async def page(self, filters: Filters, *, service: str, key_type: KeyType, size: int) -> list[Notification]:
        """A service's messages that one kind of key sent, newest first. Ids are made in the order of time."""
        wanted: dict[str, Any] = {"service": service, "key_type": key_type.value}
        if filters.statuses:
            wanted["status"] = {"$in": [status.value for status in filters.statuses]}
        if filters.types:
            wanted["channel"] = {"$in": list(filters.types)}
        if filters.reference is not None:
            wanted["reference"] = filters.reference
        if filters.older_than is not None:
            wanted["_id"] = {"$lt": filters.older_than}
        rows = await self._rows.find(wanted, sort=[("_id", -1)], limit=size)
        return [_notification(row) for row in rows]

    async def move(self, before: Notification, after: Notification) -> bool:
        """Write a message's next state. False where it is no longer in the state `before`.

        What only the courier needs (HTML and plain text) goes when the message has come to its end.
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
            update["$unset"] = {"content.html": "", "content.text": ""}
        return await self._rows.update_one({"_id": after.id, "sequence": before.sequence, "status": before.status.value}, update)


def _row(notification: Notification) -> dict[str, Any]:
    row = asdict(notification)
    row["_id"] = row.pop("id")
    for name in ("channel", "key_type", "status"):
        row[name] = row[name].value
    return row


def _notification(row: dict[str, Any]) -> Notification:
    content = row["content"]
    fields = {name: row[name] for name in Notification.__dataclass_fields__ if name in row}
    return Notification(
        **{
            **fields,
            "id": row["_id"],
            "channel": Channel(row["channel"]),
            "key_type": KeyType(row["key_type"]),
            "status": Status(row["status"]),
            "envelope": Envelope(**row["envelope"]),
            "content": Content(content["body"], content["subject"], content.get("html"), content.get("text")),
        }
    )
