"""The queue of sign-in codes for notifications. A row stays until notifications accepts it or the code expires."""

from dataclasses import dataclass
from datetime import datetime

from services.identity.domain.accounts import Sealed
from shared.mongo import Scope


@dataclass(frozen=True)
class OutgoingCode:
    """A code to send. Address and code are encrypted; `traceparent` belongs to the request for the code."""

    id: str
    email: Sealed
    code: Sealed
    expires_at: datetime
    traceparent: str | None = None
    failures: int = 0


class OutgoingCodes:
    """Codes to send. A claim names its process (`shared.presence`)."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("outgoing")

    async def insert(self, code: OutgoingCode, due_at: datetime) -> None:
        await self._rows.insert_one(
            {
                "_id": code.id,
                "email": code.email,
                "code": code.code,
                "expires_at": code.expires_at,
                "traceparent": code.traceparent,
                "failures": code.failures,
                "due_at": due_at,
                "holder": None,
            }
        )

    async def claim(self, holder: str, at: datetime) -> OutgoingCode | None:
        """Claim one due row for the process of this name."""
        due = {"due_at": {"$lte": at}, "holder": None}
        row = await self._rows.find_one_and_update(due, {"$set": {"holder": holder}}, sort=[("due_at", 1)])
        if row is None:
            return None
        return OutgoingCode(row["_id"], row["email"], row["code"], row["expires_at"], row["traceparent"], row["failures"])

    async def postpone(self, code: str, until: datetime) -> None:
        """Release the claim; the row is due again at `until`."""
        await self._rows.update_one({"_id": code}, {"$set": {"due_at": until, "holder": None}, "$inc": {"failures": 1}})

    async def remove(self, code: str) -> None:
        await self._rows.delete_one({"_id": code})
