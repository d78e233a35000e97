"""Rows with encrypted typed text, each under its own key in another collection. Deleting the key erases the text.

Such a row waits for a release that holds the address: `awaited` is true, and `tried` names the last release searched for it. Later
`has_served` is true, and the retention worker erases the text. Rows of older versions hold the text in plain fields and lack `typed`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

from shared.crypto import Envelope
from shared.mongo import Conflict, Document, Scope

AT_ONCE = 50
_EVER = datetime(2000, 1, 1, tzinfo=UTC)
_AFTER_ALL = "\uffff"
DERIVED = ("_id", "typed", "awaited", "has_served")
"""Fields of a row that the domain object lacks, or names differently."""


class Kept(Protocol):
    """The domain object of a row."""

    @property
    def id(self) -> str: ...

    @property
    def sequence(self) -> int: ...

    @property
    def typed(self) -> bool: ...


T = TypeVar("T", bound=Kept)


class EncryptedRows(Generic[T]):
    """The rows of one collection. A subclass names its typed `fields` and converts rows by `_read` and `_row`."""

    collection: str
    fields: tuple[str, ...]

    def __init__(self, scope: Scope, envelope: Envelope) -> None:
        self._rows, self._keys = scope.collection(self.collection), scope.collection("typed_keys")
        self._envelope = envelope

    def _read(self, row: Document) -> T:
        raise NotImplementedError

    def _row(self, kept: T) -> Document:
        raise NotImplementedError

    async def add(self, kept: T) -> None:
        """Insert a new row and its key, in a transaction."""
        row, key = self._sealed(self._row(kept))
        await self._keys.insert_one(key)
        await self._rows.insert_one(row)

    async def save(self, after: T, *, was: int) -> None:
        """Write the next state; erase the typed text if `after` has none. Raises `Conflict` if the row's sequence is no longer `was`."""
        facts = {name: value for name, value in self._without_typed(self._row(after)).items() if name != "_id"}
        update: Mapping[str, Any] = {"$set": facts} if after.typed else {"$set": facts | {"typed": None}, "$unset": self._all_fields()}
        await self._update(after, was, update)
        if not after.typed:
            await self._keys.delete_one({"_id": after.id})

    # Queries of the workers, which serve every borough

    async def untried(self, release: str) -> list[str]:
        """List the ids of waiting rows that nobody has searched for in a release. Queries two closed ranges of the index."""
        ranges = ({"$gte": "", "$lt": release}, {"$gt": release, "$lt": _AFTER_ALL})
        found = [await self._rows.find({"awaited": True, "tried": tried}, projection={"_id": 1}) for tried in ranges]
        return sorted(row["_id"] for each in found for row in each)

    async def awaited(self, id_: str) -> T | None:
        """Return a row that still waits for a release, or None."""
        return await self._one({"_id": id_, "awaited": True})

    async def note_tried(self, id_: str, release: str) -> None:
        """Record that the release does not hold the address."""
        await self._rows.update_one({"_id": id_, "awaited": True}, {"$set": {"tried": release}})

    async def served(self, before: datetime) -> list[T]:
        """List up to `AT_ONCE` rows whose typed text is no longer needed, last changed before `before`."""
        where = {"has_served": True, "changed_at": {"$gte": _EVER, "$lt": before}}
        return await self._opened(await self._rows.find(where, limit=AT_ONCE))

    async def plain(self) -> list[T]:
        """List up to `AT_ONCE` rows whose typed text is not encrypted."""
        return await self._opened(await self._rows.find({"typed": {"$exists": False}}, limit=AT_ONCE))

    async def seal(self, kept: T) -> None:
        """Encrypt the typed text of such a row, in a transaction. Raises `Conflict` if another writer has changed it."""
        plain = self._row(kept)
        typed = None
        if kept.typed:
            row, key = self._sealed(plain)
            typed = row["typed"]
            await self._keys.replace_one({"_id": kept.id}, key, upsert=True)
        update = {"$set": {"typed": typed, "has_served": plain["has_served"]}, "$unset": self._all_fields()}
        await self._update(kept, kept.sequence, update)

    # ------------------------------------------------------------ encryption

    async def _one(self, where: Mapping[str, Any]) -> T | None:
        row = await self._rows.find_one(where)
        return (await self._opened([row]))[0] if row else None

    async def _opened(self, rows: Sequence[Document]) -> list[T]:
        wanted = [row["_id"] for row in rows if row.get("typed")]
        keys = {key["_id"]: key["key"] for key in await self._keys.find({"_id": {"$in": wanted}})} if wanted else {}
        return [self._read({**row, **self._texts(row, keys.get(row["_id"]))}) for row in rows]

    def _texts(self, row: Document, key: bytes | None) -> Document:
        """Return the typed fields of a row; empty if they are erased."""
        if "typed" not in row:
            return {field: row[field] for field in self.fields}
        return self._envelope.open(key, row["typed"]) if key and row["typed"] else dict.fromkeys(self.fields, "")

    def _sealed(self, row: Document) -> tuple[Document, Document]:
        """Return the encrypted row and the row of its key."""
        key = self._envelope.new_key()
        typed = self._envelope.seal(key, {field: row[field] for field in self.fields})
        return {**self._without_typed(row), "typed": typed}, {"_id": row["_id"], "key": key}

    async def _update(self, kept: T, was: int, update: Mapping[str, Any]) -> None:
        if not await self._rows.update_one({"_id": kept.id, "sequence": was}, update):
            raise Conflict("another writer has changed it")

    def _without_typed(self, row: Document) -> Document:
        return {name: value for name, value in row.items() if name not in self.fields}

    def _all_fields(self) -> Mapping[str, str]:
        return dict.fromkeys(self.fields, "")
