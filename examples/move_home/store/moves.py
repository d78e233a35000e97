"""Moves as they were submitted. How far they have got is the process's affair."""

from dataclasses import dataclass
from datetime import datetime

from shared.mongo import Document, Scope


@dataclass(frozen=True)
class Told:
    """A submitted move. `subject` is the citizen's pseudonym, `details` is sealed."""

    id: str
    subject: str
    client: str
    """The client that submitted it: this app itself, or one that used its API."""
    details: bytes
    submitted_at: datetime
    reference: str
    """The one that a person reads out; the id itself in a move from before there were any."""


class Moves:
    """Queries about moves."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("moves")

    async def insert(self, told: Told) -> None:
        """Keep a new move. Raises `Duplicate` where it was submitted before."""
        await self._rows.insert_one(
            {
                "_id": told.id,
                "subject": told.subject,
                "client": told.client,
                "details": told.details,
                "submitted_at": told.submitted_at,
                "reference": told.reference,
            }
        )

    async def has_reference(self, reference: str) -> bool:
        """Whether some move has this reference."""
        return await self._rows.find_one({"reference": reference}, projection={"_id": 1}) is not None

    async def get(self, move: str) -> Told | None:
        """The move, for the process that carries it on; people and programs get at theirs by `owned`."""
        row = await self._rows.find_one({"_id": move})
        return _told(row) if row else None

    async def owned(self, move: str, *, subject: str, client: str | None = None) -> Told | None:
        """The move if it is this citizen's, and where `client` is given was submitted by it."""
        row = await self._rows.find_one({"_id": move, "subject": subject} | ({"client": client} if client else {}))
        return _told(row) if row else None

    async def of(self, subject: str) -> list[Told]:
        """A citizen's moves, the latest first."""
        return [_told(row) for row in await self._rows.find({"subject": subject}, sort=[("submitted_at", -1)], limit=20)]


def _told(row: Document) -> Told:
    reference = str(row.get("reference") or row["_id"])
    return Told(row["_id"], row["subject"], row["client"], bytes(row["details"]), row["submitted_at"], reference)
