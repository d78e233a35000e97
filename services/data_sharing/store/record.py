"""Queries about the record: a queue that any transaction may append to, and the sealed log that the sequencer makes of it.

An append inserts one row of its own, so appends never conflict. The sequencer moves queued entries into the log, where each has its leaf.
Readers read the queue first and the log second, so they never miss an entry that moves meanwhile.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from services.data_sharing.domain.merkle import Growth, Node, Range, fold, nodes_of
from services.data_sharing.domain.record import Entry
from shared.mongo import Conflict, Document, Scope

_TREE = "tree"


@dataclass(frozen=True, slots=True)
class Tree:
    """The log's current tree with its signed head."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()
    head: str = ""
    """The signed tree head, a compact JWS; empty for an empty log."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """The record's signing key, encrypted."""

    kid: str
    sealed: bytes


class Record:
    """The record's queue, log, tree and signing key."""

    def __init__(self, scope: Scope) -> None:
        self._queue = scope.collection("record_queue")
        self._log = scope.collection("record")
        self._nodes = scope.collection("record_nodes")
        self._trees = scope.collection("record_trees")
        self._keys = scope.collection("record_keys")

    # -- append and read ---------------------------------------------------------------------------------------------------------------

    async def append(self, *entries: Entry) -> None:
        """Append entries in the transaction of their facts. They get their leaves within a second."""
        await self._queue.insert_many(
            [
                {"_id": entry.id, "subject": entry.subject, "sector": entry.sector, "entry": entry.model_dump(mode="json")}
                for entry in entries
            ]
        )

    async def of_subject(self, subject: str, *, sector: str, before: str | None, limit: int) -> list[Entry]:
        """Return a citizen's entries older than entry `before`, newest first."""
        wanted = _of(subject, sector)
        if before is not None:
            wanted["_id"] = {"$lt": before}
        newest = [("_id", -1)]
        rows = await self._queue.find(wanted, sort=newest, limit=limit) + await self._log.find(wanted, sort=newest, limit=limit)
        each = {row["_id"]: row["entry"] for row in rows}
        return [Entry.model_validate(entry) for _, entry in sorted(each.items(), reverse=True)[:limit]]

    async def get(self, entry: str, *, subject: str, sector: str) -> tuple[Entry, int | None] | None:
        """Return one entry of that citizen and its leaf index; no index while it waits for the sequencer."""
        mine = {"_id": entry, **_of(subject, sector)}
        row = await self._queue.find_one(mine) or await self._log.find_one(mine)
        return (Entry.model_validate(row["entry"]), row.get("leaf")) if row is not None else None

    # -- sealing -----------------------------------------------------------------------------------------------------------------------

    async def queued(self, limit: int) -> list[Entry]:
        """Return the entries in the queue, oldest first."""
        return [Entry.model_validate(row["entry"]) for row in await self._queue.find({}, sort=[("_id", 1)], limit=limit)]

    async def tree(self) -> Tree:
        """Return the current tree."""
        row = await self._trees.find_one({"_id": _TREE})
        return Tree(row["size"], tuple(bytes(peak) for peak in row["peaks"]), row["head"]) if row is not None else Tree()

    async def seal(self, was: Tree, entries: Sequence[Entry], growth: Growth, head: str) -> None:
        """Move entries from the queue into the log. Raises `Conflict` or `Duplicate` if another sequencer was faster."""
        row: dict[str, Any] = {"_id": _TREE, "size": growth.size, "peaks": list(growth.peaks), "head": head}
        if was.size == 0:
            await self._trees.insert_one(row)
        elif not await self._trees.replace_one({"_id": _TREE, "size": was.size}, row):
            raise Conflict("another sequencer was first")
        await self._trees.insert_one({"_id": f"head:{growth.size}", "head": head})
        await self._nodes.insert_many([{"_id": _place(node), "hash": value} for node, value in growth.created])
        await self._log.insert_many(
            [
                {"_id": entry.id, "leaf": leaf, "subject": entry.subject, "sector": entry.sector, "entry": entry.model_dump(mode="json")}
                for leaf, entry in enumerate(entries, start=was.size)
            ]
        )
        await self._queue.delete_many({"_id": {"$in": [entry.id for entry in entries]}})

    # -- proofs ------------------------------------------------------------------------------------------------------------------------

    async def head(self, size: int) -> str | None:
        """Return the signed head of the tree of that size, if there is one."""
        row = await self._trees.find_one({"_id": f"head:{size}"})
        return str(row["head"]) if row is not None else None

    async def hashes(self, path: Iterable[Range]) -> list[bytes]:
        """Return the hash over each range of a proof."""
        hashes = []
        for leaves in path:
            nodes = [await self._node(node) for node in nodes_of(leaves)]
            hashes.append(fold(nodes))
        return hashes

    async def _node(self, node: Node) -> bytes:
        row = await self._nodes.find_one({"_id": _place(node)})
        if row is None:
            raise LookupError(f"the record's tree lacks node {_place(node)}")
        return bytes(row["hash"])

    # -- the signing key ---------------------------------------------------------------------------------------------------------------

    async def key(self) -> StoredKey | None:
        """Return the key that signs tree heads."""
        row = await self._keys.find_one({"_id": "current"})
        return StoredKey(row["kid"], bytes(row["sealed"])) if row is not None else None

    async def add_key(self, key: StoredKey) -> None:
        """Write the first key. Raises `Duplicate` if another replica was faster."""
        await self._keys.insert_one({"_id": "current", "kid": key.kid, "sealed": key.sealed})


def _of(subject: str, sector: str) -> Document:
    """Return the condition for one citizen's entries. A pseudonym identifies a person in its own sector alone; entries older than the field
    have no sector.
    """
    return {"subject": subject, "sector": {"$in": [sector, None]}}


def _place(node: Node) -> str:
    return f"{node.level}:{node.place}"
