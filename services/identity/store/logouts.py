"""The queue of logout notices to clients, and the list of recently ended sessions and tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.events import new_id
from shared.mongo import Scope

LISTED = timedelta(minutes=15)
"""Time for which the list has an ended session or token: longer than an access token lives."""


@dataclass(frozen=True)
class LogoutNotice:
    """Notifies one client of the end of one session."""

    id: str
    client_id: str
    account: str
    session: str
    ended_at: datetime
    failures: int = 0


class LogoutNotices:
    """Notices to send. A claim names its process (`shared.presence`)."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("logouts")

    async def add(self, session: str, account: str, client_id: str, at: datetime) -> None:
        """Queue one notice."""
        row = {"_id": new_id(), "client_id": client_id, "account": account, "session": session, "ended_at": at}
        await self._rows.insert_one({**row, "failures": 0, "due_at": at, "holder": None})

    async def claim(self, holder: str, at: datetime) -> LogoutNotice | None:
        """Claim one due row for the process of this name."""
        due = {"due_at": {"$lte": at}, "holder": None}
        row = await self._rows.find_one_and_update(due, {"$set": {"holder": holder}}, sort=[("due_at", 1)])
        if row is None:
            return None
        return LogoutNotice(row["_id"], row["client_id"], row["account"], row["session"], row["ended_at"], row["failures"])

    async def postpone(self, notice: str, until: datetime) -> None:
        """Release the claim; the row is due again at `until`."""
        await self._rows.update_one({"_id": notice}, {"$set": {"due_at": until, "holder": None}, "$inc": {"failures": 1}})

    async def remove(self, notice: str) -> None:
        await self._rows.delete_one({"_id": notice})


class EndedIds:
    """Recently ended sessions (`sid`) and tokens (`jti`), whose access tokens may not have expired."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("ended")

    async def add(self, id_: str, at: datetime) -> None:
        """Add an id; safe to repeat."""
        await self._rows.update_one({"_id": id_}, {"$set": {"ended_at": at}}, upsert=True)

    async def all(self, at: datetime) -> Sequence[str]:
        """Return every id on the list."""
        return [row["_id"] for row in await self._rows.find({"ended_at": {"$gt": at - LISTED}}, projection={"_id": 1})]
