"""Sessions by the hash of their secret; what they hold about a person is sealed before it comes here."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from examples.move_home.seal import digest, new_secret
from shared import clock
from shared.mongo import Scope

LIFE = timedelta(hours=8)
IDLE_LIFE = timedelta(hours=1)
TOUCH_AFTER = timedelta(minutes=1)
"""How stale the time of last use may become before it is written again."""
KEPT = timedelta(hours=24)
"""How long after its end a session's answers wait for the same person to sign in again in the same browser."""


@dataclass(frozen=True)
class Session:
    """A signed-in browser. `content` is sealed."""

    id: str
    """Hash of the secret that the browser holds."""
    kind: Literal["citizen", "staff"]
    subject: str
    content: bytes
    ends_at: datetime
    used_at: datetime

    def holding(self, content: bytes) -> "Session":
        """The session with other content."""
        return replace(self, content=content)


class Sessions:
    """Queries about sessions."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("sessions")

    async def start(self, kind: Literal["citizen", "staff"], subject: str, content: bytes, *, sid: str | None = None) -> str:
        """A new session; the secret is for the browser alone. `sid` is identity's session, with which it ends."""
        secret, at = new_secret(), clock.now()
        row = {"_id": digest(secret), "kind": kind, "subject": subject, "content": content, "sid": sid}
        await self._rows.insert_one({**row, "used_at": at, "ends_at": at + LIFE, "expires_at": at + LIFE + KEPT})
        return secret

    async def find(self, secret: str) -> Session | None:
        """The session of that secret, unless it is over or was not used for an hour. Finding it is a use."""
        session = await self.find_or_ended(secret)
        at = clock.now()
        if session is None or at >= min(session.ends_at, session.used_at + IDLE_LIFE):
            return None
        if at - session.used_at >= TOUCH_AFTER:
            await self._rows.update_one({"_id": session.id}, {"$set": {"used_at": at}})
        return session

    async def find_or_ended(self, secret: str) -> Session | None:
        """The session of that secret, also where it is over but kept. Whoever holds it is not signed in by that."""
        row = await self._rows.find_one({"_id": digest(secret)})
        at = clock.now()
        if row is None or row["expires_at"] <= at:
            return None
        ends_at = row.get("ends_at") or row["expires_at"]
        return Session(row["_id"], row["kind"], row["subject"], bytes(row["content"]), ends_at, row.get("used_at") or at)

    async def save(self, session: Session) -> None:
        """Keep the session's content."""
        await self._rows.update_one({"_id": session.id}, {"$set": {"content": session.content}})

    async def end(self, secret: str) -> None:
        """Sign out; nothing is kept."""
        await self._rows.delete_one({"_id": digest(secret)})

    async def end_of(self, sid: str) -> int:
        """End what began in that session of identity. Gives how many sessions there were."""
        return await self._rows.delete_many({"sid": sid})
