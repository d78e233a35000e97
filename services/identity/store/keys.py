"""Queries about signing keys."""

from dataclasses import dataclass
from datetime import datetime

from services.identity.domain.accounts import Sealed
from shared.mongo import Scope


@dataclass(frozen=True)
class StoredKey:
    """A signing key at rest: its thumbprint (RFC 7638), its place in the order of keys, and its private half, sealed."""

    id: str
    generation: int
    sealed: Sealed
    created_at: datetime


class Keys:
    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("keys")

    async def all(self) -> list[StoredKey]:
        """Every key, the oldest first."""
        rows = await self._rows.find({}, sort=[("generation", 1)])
        return [StoredKey(row["_id"], row["generation"], row["sealed"], row["created_at"]) for row in rows]

    async def add(self, key: StoredKey) -> None:
        """Raises Duplicate where a key of this generation exists."""
        await self._rows.insert_one({"_id": key.id, "generation": key.generation, "sealed": key.sealed, "created_at": key.created_at})
