"""Submitted moves. The process keeps their progress."""

from dataclasses import dataclass
from datetime import datetime

from shared.mongo import Document, Scope


@dataclass(frozen=True)
class SubmittedMove:
    """A submitted move. `subject` is the citizen's pseudonym, `details` is sealed."""

    id: str
    subject: str
    client: str
    """The submitting client: this app, or a client of its API."""
    details: bytes
    submitted_at: datetime
    reference: str
    """The reference that a person reads out; older moves have their id instead."""


class Moves:
    """Queries about moves."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("moves")

    async def insert(self, submitted: SubmittedMove) -> None:
        """Store a new move. Raises `Duplicate` for one that is already stored."""
        await self._rows.insert_one(
            {
                "_id": submitted.id,
                "subject": submitted.subject,
                "client": submitted.client,
                "details": submitted.details,
                "submitted_at": submitted.submitted_at,
                "reference": submitted.reference,
            }
        )

    async def has_reference(self, reference: str) -> bool:
        """Whether some move has this reference."""
        return await self._rows.find_one({"reference": reference}, projection={"_id": 1}) is not None

    async def get(self, move: str) -> SubmittedMove | None:
        """Return the move, for its process. For people and programs use `owned`."""
        row = await self._rows.find_one({"_id": move})
        return _submitted(row) if row else None

    async def owned(self, move: str, *, subject: str, client: str | None = None) -> SubmittedMove | None:
        """Return the move if it is this citizen's and, with `client`, if that client submitted it."""
        row = await self._rows.find_one({"_id": move, "subject": subject} | ({"client": client} if client else {}))
        return _submitted(row) if row else None

    async def of(self, subject: str) -> list[SubmittedMove]:
        """Return a citizen's moves, the latest first."""
        return [_submitted(row) for row in await self._rows.find({"subject": subject}, sort=[("submitted_at", -1)], limit=20)]


def _submitted(row: Document) -> SubmittedMove:
    reference = str(row.get("reference") or row["_id"])
    return SubmittedMove(row["_id"], row["subject"], row["client"], bytes(row["details"]), row["submitted_at"], reference)
