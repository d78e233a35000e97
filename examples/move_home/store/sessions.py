"""Sessions by the hash of their secret. Callers seal personal content before storing it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from examples.move_home.seal import digest, new_secret
from shared import clock
from shared.mongo import Scope

LIFE = timedelta(hours=8)
IDLE_LIFE = timedelta(hours=1)
TOUCH_AFTER = timedelta(minutes=1)
"""How old the stored time of last use may become before a use updates it."""
KEPT = timedelta(hours=24)
"""How long an ended session's answers wait for the same person to sign in again in the same browser."""


@dataclass(frozen=True)
class Session:
    """A signed-in browser. `content` is sealed."""

    id: str
    """Hash of the browser's secret."""
    kind: Literal["citizen", "staff"]
    subject: str
    content: bytes
    ends_at: datetime
    used_at: datetime

    def holding(self, content: bytes) -> "Session":
        """Return the session with other content."""
        return replace(self, content=content)


class Sessions:
    """Queries about sessions."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("sessions")

    async def start(self, kind: Literal["citizen", "staff"], subject: str, content: bytes, *, sid: str | None = None) -> str:
        """Start a session and return its secret, which only the browser keeps. It ends with identity's session `sid`."""
        secret, at = new_secret(), clock.now()
        row = {"_id": digest(secret), "kind": kind, "subject": subject, "content": content, "sid": sid}
        await self._rows.insert_one({**row, "used_at": at, "ends_at": at + LIFE, "expires_at": at + LIFE + KEPT})
        return secret

    async def find(self, secret: str) -> Session | None:
        """Return the session, unless it has ended or was unused for an hour. Finding it counts as a use."""
        session = await self.find_or_ended(secret)
        at = clock.now()
        if session is None or at >= min(session.ends_at, session.used_at + IDLE_LIFE):
            return None
        if at - session.used_at >= TOUCH_AFTER:
            await self._rows.update_one({"_id": session.id}, {"$set": {"used_at": at}})
        return session

    async def find_or_ended(self, secret: str) -> Session | None:
        """Return the session, even an ended one within `KEPT`. Its holder is not signed in by that."""
        row = await self._rows.find_one({"_id": digest(secret)})
        at = clock.now()
        if row is None or row["expires_at"] <= at:
            return None
        ends_at = row.get("ends_at") or row["expires_at"]
        return Session(row["_id"], row["kind"], row["subject"], bytes(row["content"]), ends_at, row.get("used_at") or at)

    async def save(self, session: Session) -> None:
        """Store the session's content."""
        await self._rows.update_one({"_id": session.id}, {"$set": {"content": session.content}})

    async def end(self, secret: str) -> None:
        """Delete the session."""
        await self._rows.delete_one({"_id": digest(secret)})

    async def end_of(self, sid: str) -> int:
        """Delete the sessions that began in identity's session `sid`; return their number."""
        return await self._rows.delete_many({"sid": sid})
