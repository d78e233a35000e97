"""Queries about sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.identity.domain.sessions import Session
from shared.mongo import Document, Scope


@dataclass(frozen=True)
class Served:
    """A client that was given a code, and the `sid` that its ID token carries."""

    client_id: str
    session: str


@dataclass(frozen=True)
class EndedSession:
    """What is known of a session at its end."""

    account: str
    ids: frozenset[str]
    """Its `sid`, and those under which it began before the same person signed in again."""
    served: tuple[Served, ...]


class Sessions:
    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("sessions")

    async def insert(self, session: Session, cookie_digest: str, *, client: str, served: Sequence[Served] = ()) -> None:
        """Write a new session, which begins by serving one client; `served` is what it takes over from the same person's earlier one."""
        row = session.model_dump()
        clients = [vars(each) for each in (*served, Served(client, session.id))]
        await self._rows.insert_one({"_id": row.pop("id"), "cookie_digest": cookie_digest, "served": clients, **row})

    async def serve(self, session: str, client: str) -> None:
        """Note that a client was given a code in this session: it is told when the session ends."""
        await self._rows.update_one({"_id": session}, {"$addToSet": {"served": vars(Served(client, session))}})

    async def by_cookie(self, cookie_digest: str) -> Session | None:
        row = await self._rows.find_one({"cookie_digest": cookie_digest})
        if row is None:
            return None
        return Session.model_validate({"id": row["_id"], **{name: row[name] for name in Session.model_fields if name != "id"}})

    async def used(self, session: str, at: datetime) -> None:
        await self._rows.update_one({"_id": session}, {"$set": {"last_used_at": at}})

    async def current(self, sid: str) -> str | None:
        """The session that goes on under this `sid`, or under a later one after another sign-in; None where it has ended."""
        row = await self._row(sid)
        return row["_id"] if row else None

    async def end(self, sid: str) -> EndedSession | None:
        """Remove the session that goes on under this `sid`; gives what it was. None where it has ended already."""
        row = await self._row(sid)
        if row is None or not await self._rows.delete_one({"_id": row["_id"]}):
            return None
        served = tuple(Served(**each) for each in row.get("served", ()))
        return EndedSession(row["account"], frozenset({row["_id"], *(each.session for each in served)}), served)

    async def _row(self, sid: str) -> Document | None:
        return await self._rows.find_one({"_id": sid}) or await self._rows.find_one({"served.session": sid})
