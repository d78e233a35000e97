"""Queries about sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.identity.domain.sessions import Session
from shared.mongo import Document, Scope


@dataclass(frozen=True)
class ServedClient:
    """A client that got a code, and the `sid` of its ID token."""

    client_id: str
    session: str


@dataclass(frozen=True)
class EndedSession:
    """A session at its end."""

    account: str
    ids: frozenset[str]
    """Its `sid`, and the earlier ones from before the same person signed in again."""
    served: tuple[ServedClient, ...]


class Sessions:
    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("sessions")

    async def insert(self, session: Session, cookie_digest: str, *, client: str, served: Sequence[ServedClient] = ()) -> None:
        """Write a new session that serves one client. `served` are the clients of the same person's earlier session."""
        row = session.model_dump()
        clients = [vars(each) for each in (*served, ServedClient(client, session.id))]
        await self._rows.insert_one({"_id": row.pop("id"), "cookie_digest": cookie_digest, "served": clients, **row})

    async def serve(self, session: str, client: str) -> None:
        """Note that a client got a code in this session, so that identity notifies it of the end."""
        await self._rows.update_one({"_id": session}, {"$addToSet": {"served": vars(ServedClient(client, session))}})

    async def by_cookie(self, cookie_digest: str) -> Session | None:
        row = await self._rows.find_one({"cookie_digest": cookie_digest})
        if row is None:
            return None
        return Session.model_validate({"id": row["_id"], **{name: row[name] for name in Session.model_fields if name != "id"}})

    async def touch(self, session: str, at: datetime) -> None:
        await self._rows.update_one({"_id": session}, {"$set": {"last_used_at": at}})

    async def current(self, sid: str) -> str | None:
        """Return the session with this `sid`, now or before another sign-in; None if it has ended."""
        row = await self._row(sid)
        return row["_id"] if row else None

    async def end(self, sid: str) -> EndedSession | None:
        """Remove the session with this `sid`, now or before another sign-in, and return it. None if it has ended already."""
        row = await self._row(sid)
        if row is None or not await self._rows.delete_one({"_id": row["_id"]}):
            return None
        served = tuple(ServedClient(**each) for each in row.get("served", ()))
        return EndedSession(row["account"], frozenset({row["_id"], *(each.session for each in served)}), served)

    async def _row(self, sid: str) -> Document | None:
        return await self._rows.find_one({"_id": sid}) or await self._rows.find_one({"served.session": sid})
