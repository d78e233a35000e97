"""The queue of sign-in codes on their way to notifications. A row stays until notifications has accepted it or the code is dead."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.identity.domain.accounts import Sealed
from shared.mongo import Scope

LEASE = timedelta(seconds=30)
"""How long one worker has a row to itself; longer than a call to notifications may take."""


@dataclass(frozen=True)
class OutgoingCode:
    """A code to be sent. Address and code are sealed; the trace is that of the request that asked for it."""

    id: str
    email: Sealed
    code: Sealed
    expires_at: datetime
    traceparent: str | None = None
    failures: int = 0


class OutgoingCodes:
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
            }
        )

    async def claim(self, at: datetime) -> OutgoingCode | None:
        """Take one due row for a while; when its worker dies, it becomes due again by itself."""
        row = await self._rows.find_one_and_update({"due_at": {"$lte": at}}, {"$set": {"due_at": at + LEASE}}, sort=[("due_at", 1)])
        if row is None:
            return None
        return OutgoingCode(row["_id"], row["email"], row["code"], row["expires_at"], row["traceparent"], row["failures"])

    async def put_off(self, code: str, until: datetime) -> None:
        """Try again later."""
        await self._rows.update_one({"_id": code}, {"$set": {"due_at": until}, "$inc": {"failures": 1}})

    async def remove(self, code: str) -> None:
        await self._rows.delete_one({"_id": code})
