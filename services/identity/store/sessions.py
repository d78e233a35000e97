"""Queries about sessions."""

from datetime import datetime

from services.identity.domain.sessions import Session
from shared.mongo import Scope


class Sessions:
    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("sessions")

    async def insert(self, session: Session, cookie_digest: str) -> None:
        row = session.model_dump()
        await self._rows.insert_one({"_id": row.pop("id"), "cookie_digest": cookie_digest, **row})

    async def by_cookie(self, cookie_digest: str) -> Session | None:
        row = await self._rows.find_one({"cookie_digest": cookie_digest})
        if row is None:
            return None
        return Session.model_validate({"id": row["_id"], **{name: row[name] for name in Session.model_fields if name != "id"}})

    async def used(self, session: str, at: datetime) -> None:
        await self._rows.update_one({"_id": session}, {"$set": {"last_used_at": at}})

    async def remove(self, session: str) -> bool:
        return await self._rows.delete_one({"_id": session})
