"""The queue of clients that have yet to be told that a session has ended, and the list of what ended a short while ago."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.events import new_id
from shared.mongo import Scope

LEASE = timedelta(seconds=30)
"""How long one worker has a row to itself; longer than a call to a client may take."""
LISTED = timedelta(minutes=15)
"""How long an ended session or token is listed: longer than an access token lives."""


@dataclass(frozen=True)
class LogoutNotice:
    """One client to be told of one ended session."""

    id: str
    client_id: str
    account: str
    session: str
    ended_at: datetime
    failures: int = 0


class LogoutNotices:
    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("logouts")

    async def add(self, session: str, account: str, client_id: str, at: datetime) -> None:
        """Queue one notice."""
        row = {"_id": new_id(), "client_id": client_id, "account": account, "session": session, "ended_at": at}
        await self._rows.insert_one({**row, "failures": 0, "due_at": at})

    async def claim(self, at: datetime) -> LogoutNotice | None:
        """Take one due row for a while; when its worker dies, it becomes due again by itself."""
        row = await self._rows.find_one_and_update({"due_at": {"$lte": at}}, {"$set": {"due_at": at + LEASE}}, sort=[("due_at", 1)])
        if row is None:
            return None
        return LogoutNotice(row["_id"], row["client_id"], row["account"], row["session"], row["ended_at"], row["failures"])

    async def put_off(self, notice: str, until: datetime) -> None:
        """Try again later."""
        await self._rows.update_one({"_id": notice}, {"$set": {"due_at": until}, "$inc": {"failures": 1}})

    async def remove(self, notice: str) -> None:
        await self._rows.delete_one({"_id": notice})


class Ended:
    """Sessions (`sid`) and tokens (`jti`) that ended a short while ago, while tokens of theirs may still be within their time."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("ended")

    async def add(self, id_: str, at: datetime) -> None:
        """List one; safe to repeat."""
        await self._rows.update_one({"_id": id_}, {"$set": {"ended_at": at}}, upsert=True)

    async def all(self, at: datetime) -> Sequence[str]:
        """Every id that is still listed."""
        return [row["_id"] for row in await self._rows.find({"ended_at": {"$gt": at - LISTED}}, projection={"_id": 1})]
