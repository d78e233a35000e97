"""Every query of the portal: captured messages."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from shared.events import new_id
from shared.mongo import Database, Index, Scope, Transaction


@dataclass(frozen=True)
class Captured:
    """A captured message."""

    channel: str
    """email or sms."""
    key: str
    """Equal for deliveries of the same message: an email's Message-ID, a text's dedupe key."""
    to: str
    sender: str
    subject: str | None
    body: str
    html: str | None
    notification_id: str | None
    trace_id: str | None


class CapturedMessages:
    """Captured messages, one row each. A repeated delivery only counts."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("captured")

    async def add(self, message: Captured, *, at: datetime, keep: timedelta) -> None:
        """Store a message, or count another delivery of a stored one."""
        first = {
            "id": new_id(),
            "channel": message.channel,
            "to": message.to,
            "to_key": _comparable(message.to),
            "from": message.sender,
            "subject": message.subject,
            "body": message.body,
            "html": message.html,
            "notification_id": message.notification_id,
            "trace_id": message.trace_id,
            "created_at": at,
            "expires_at": at + keep,
        }
        await self._rows.update_one(
            {"_id": f"{message.channel}:{message.key}"}, {"$setOnInsert": first, "$inc": {"deliveries": 1}}, upsert=True
        )

    async def find(self, *, to: str | None, channel: str | None, since: datetime | None, limit: int) -> list[dict[str, Any]]:
        """Return messages, newest first. `to` ignores case, spaces and punctuation, and a number's form: 07…, +44 7…, 00447…."""
        wanted: dict[str, Any] = {}
        if to is not None:
            wanted["to_key"] = _comparable(to)
        if channel is not None:
            wanted["channel"] = channel
        if since is not None:
            wanted["created_at"] = {"$gte": since}
        return await self._rows.find(wanted, sort=[("created_at", -1)], limit=limit)


def _comparable(recipient: str) -> str:
    """Return the normalised address or number. A national number is the UK's, whose country code is 44 (ITU-T E.164)."""
    text = "".join(recipient.lower().split())
    number = text.translate(_PUNCTUATION)
    if not number.isdecimal():
        return text
    number = number.removeprefix("00") if number.startswith("00") else f"44{number[1:]}" if number.startswith("0") else number
    return f"44{number[3:]}" if number.startswith("440") else number


_PUNCTUATION = str.maketrans("", "", "+-.()/")


class Repositories(Scope):
    """The portal's collections."""

    @property
    def captured(self) -> CapturedMessages:
        return CapturedMessages(self)


class Tx(Transaction, Repositories):
    """One transaction of the portal."""


class Store(Database[Tx], Repositories):
    """The portal's database."""

    transaction_type = Tx
    indexes: ClassVar = {
        "captured": [
            Index("to_key", "created_at"),
            Index("channel", "created_at"),
            Index("created_at"),
            Index("expires_at", expire_after=0),
        ]
    }
