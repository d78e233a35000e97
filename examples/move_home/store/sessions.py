"""Sessions by the hash of their secret; what they hold about a person is sealed before it comes here."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from examples.move_home.seal import digest, new_secret
from shared import clock
from shared.mongo import Scope

LIFE = timedelta(hours=8)


@dataclass(frozen=True)
class Session:
    """A signed-in browser. `content` is sealed."""

    id: str
    """Hash of the secret that the browser holds."""
    kind: Literal["citizen", "staff"]
    subject: str
    content: bytes
    expires_at: datetime

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
            {"_id": digest(secret), "kind": kind, "subject": subject, "content": content, "expires_at": clock.now() + LIFE}
        )
        return secret

    async def find(self, secret: str) -> Session | None:
        """The session of that secret, unless it is over."""
        row = await self._rows.find_one({"_id": digest(secret)})
        if row is None or row["expires_at"] <= clock.now():
            return None
        return Session(row["_id"], row["kind"], row["subject"], bytes(row["content"]), row["expires_at"])

    async def save(self, session: Session) -> None:
        """Keep the session's content."""
        await self._rows.update_one({"_id": session.id}, {"$set": {"content": session.content}})

    async def end(self, secret: str) -> None:
        """Sign out."""
        await self._rows.delete_one({"_id": digest(secret)})
