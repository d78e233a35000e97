"""Queries about signing keys."""

from dataclasses import dataclass
from datetime import datetime

from services.identity.domain.accounts import Sealed
from shared.mongo import Document, Scope


@dataclass(frozen=True)
class StoredKey:
    """A stored signing key: its thumbprint (RFC 7638), its place in the order of keys, and its encrypted private half."""

    id: str
    generation: int
    sealed: Sealed
    created_at: datetime
    signs_from: datetime
    """The start of its use for signatures; identity publishes it from `created_at`."""


class Keys:
    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("keys")

    async def all(self) -> list[StoredKey]:
        """Return every key, the oldest first."""
        rows = await self._rows.find({}, sort=[("generation", 1)])
        return [_key(row) for row in rows]

    async def add(self, key: StoredKey) -> None:
        """Write a key. Raises Duplicate if a key of this generation exists."""
        row = {"_id": key.id, "generation": key.generation, "sealed": key.sealed, "created_at": key.created_at}
        await self._rows.insert_one({**row, "signs_from": key.signs_from})

    async def remove(self, key: str) -> None:
        """Remove a key that verifies nothing any more."""
        await self._rows.delete_one({"_id": key})


def _key(row: Document) -> StoredKey:
    signs_from = row["signs_from"] if "signs_from" in row else row["created_at"]  # an earlier version's key signed at once
    return StoredKey(row["_id"], row["generation"], row["sealed"], row["created_at"], signs_from)
