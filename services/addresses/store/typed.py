"""What people typed: sealed in its row, under a key of the row's own that is kept in another collection. Erasing the key erases it.

Rows of before it was sealed hold it as fields of their own (`typed` is missing); `seal` seals them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.crypto import Envelope
from shared.mongo import Collection, Conflict, Document, Scope

AT_ONCE = 50
_EVER = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Typed:
    """The fields of one collection that people type."""

    scope: Scope
    rows: str
    """The collection."""
    envelope: Envelope
    fields: tuple[str, ...]

    def sealed(self, row: Document) -> tuple[Document, Document]:
        """A row with what was typed sealed, and its key, which is to be inserted with it."""
        key = self.envelope.new_key()
        typed = self.envelope.seal(key, {field: row[field] for field in self.fields})
        return {**self._without(row), "typed": typed}, {"_id": row["_id"], "key": key}

    def facts(self, row: Document, *, typed: bool) -> Mapping[str, Any]:
        """The update that gives a row its facts and leaves what was typed, or (without `typed`) takes that away."""
        facts = {name: value for name, value in self._without(row).items() if name != "_id"}
        return {"$set": facts} if typed else {"$set": facts | {"typed": None}, "$unset": dict.fromkeys(self.fields, "")}

    async def add(self, row: Document) -> None:
        """Insert a row, sealed."""
        kept, key = self.sealed(row)
        await self._keys.insert_one(key)
        await self.scope.collection(self.rows).insert_one(kept)

    async def opened(self, rows: Sequence[Document]) -> list[Document]:
        """Rows with what was typed as their fields; empty texts where it was erased."""
        wanted = [row["_id"] for row in rows if row.get("typed")]
        keys = {key["_id"]: key["key"] for key in await self._keys.find({"_id": {"$in": wanted}})} if wanted else {}
        return [self._opened(row, keys.get(row["_id"])) for row in rows]

    async def erase_key(self, id_: str) -> None:
        """What a row's key sealed cannot be read any more, wherever a copy of it is."""
        await self._keys.delete_one({"_id": id_})

    async def served(self, before: datetime) -> list[Document]:
        """Some rows whose typed text has served, and which were last changed before."""
        where = {"has_served": True, "changed_at": {"$gte": _EVER, "$lt": before}}
        return await self.opened(await self.scope.collection(self.rows).find(where, limit=AT_ONCE))

    async def plain(self) -> list[Document]:
        """Some rows whose typed text is not sealed."""
        return await self.scope.collection(self.rows).find({"typed": {"$exists": False}}, limit=AT_ONCE)

    async def seal(self, row: Document) -> None:
        """Seal such a row, in a transaction. Raises `Conflict` where it was changed meanwhile."""
        typed = None
        if any(row[field] for field in self.fields):
            kept, key = self.sealed(row)
            typed = kept["typed"]
            await self._keys.replace_one({"_id": row["_id"]}, key, upsert=True)
        update = {"$set": {"typed": typed, "has_served": row["has_served"]}, "$unset": dict.fromkeys(self.fields, "")}
        if not await self.scope.collection(self.rows).update_one({"_id": row["_id"], "sequence": row["sequence"]}, update):
            raise Conflict("the row was changed meanwhile")

    @property
    def _keys(self) -> Collection:
        return self.scope.collection("typed_keys")

    def _without(self, row: Document) -> Document:
        return {name: value for name, value in row.items() if name not in self.fields}

    def _opened(self, row: Document, key: bytes | None) -> Document:
        if "typed" not in row:
            return row
        empty: Document = dict.fromkeys(self.fields, "")
        texts = self.envelope.open(key, row["typed"]) if key and row["typed"] else empty
        return {**{name: value for name, value in row.items() if name != "typed"}, **texts}
