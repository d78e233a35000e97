"""Sessions by the hash of their secret; what they hold about a person is sealed before it comes here."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from examples.move_home.seal import digest, new_secret
from shared import clock
from shared.mongo import Scope

LIFE = timedelta(hours=8)
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

    def holding(self, content: bytes) -> "Session":
        """The session with other content."""
        return replace(self, content=content)


class Sessions:
    """Queries about sessions."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("sessions")

    async def start(self, kind: Literal["citizen", "staff"], subject: str, content: bytes) -> str:
        """A new session; the secret is for the browser alone."""
        secret = new_secret()
        await self._rows.insert_one(
            {
                "_id": digest(secret),
                "kind": kind,
                "subject": subject,
                "content": content,
                "ends_at": clock.now() + LIFE,
                "expires_at": clock.now() + LIFE + KEPT,
            }
        )
        return secret

    async def find(self, secret: str) -> Session | None:
        """The session of that secret, unless it is over."""
        session = await self.find_or_ended(secret)
        return session if session is not None and session.ends_at > clock.now() else None

    async def find_or_ended(self, secret: str) -> Session | None:
        """The session of that secret, also where it is over but kept. Whoever holds it is not signed in by that."""
        row = await self._rows.find_one({"_id": digest(secret)})
        if row is None or row["expires_at"] <= clock.now():
            return None
        return Session(row["_id"], row["kind"], row["subject"], bytes(row["content"]), row.get("ends_at") or row["expires_at"])

    async def save(self, session: Session) -> None:
        """Keep the session's content."""
        await self._rows.update_one({"_id": session.id}, {"$set": {"content": session.content}})

    async def end(self, secret: str) -> None:
        """Sign out; nothing is kept."""
        await self._rows.delete_one({"_id": digest(secret)})
