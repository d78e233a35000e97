"""Which replica relays which shard, agreed in one document.

The replicas that live (`shared.presence`) divide the shards among them. Each takes over by compare-and-set a shard whose owner is gone or
gave it up. A replica stops relaying when its own heartbeat is older than `STOP_AFTER`, well before another can take over; so a paused
process finds itself replaced.
"""

from contextlib import suppress
from typing import Any

from shared.mongo import Collection, Duplicate, Scope
from shared.mongo.outbox_rows import SHARDS
from shared.presence import Presence

DOCUMENT = "outbox"
RELAYS = "relays"
"""The fact in a process's row that says whether it relays: a process that only answers requests, or still starts, does not."""


class Membership:
    """This replica's part in the relaying of one service's outbox."""

    def __init__(self, scope: Scope, presence: Presence) -> None:
        self._rows: Collection = scope.collection("relay")
        self._presence = presence
        self._held: set[int] = set()
        self._joined = False
        self.epochs: dict[int, str] = {}
        """The broker epoch to which each shard's rows were last published in full."""
        self.members = 1

    @property
    def mine(self) -> set[int]:
        """The shards that this replica may relay at this moment."""
        return set(self._held) if self._presence.is_certain else set()

    async def divide(self) -> set[int]:
        """Take over this replica's share of the shards. Gives shards to hand over: call `release` when they are idle."""
        if not self._joined:
            await self._presence.announce(**{RELAYS: True})
            self._joined = True
        me = self._presence.name
        document = await self._rows.find_one({"_id": DOCUMENT}) or await self._made()
        owners: dict[str, str | None] = document.get("owners", {})
        self.epochs = {int(shard): epoch for shard, epoch in document.get("epochs", {}).items()}
        living = sorted({name for name, row in self._presence.living.items() if row.get(RELAYS)} | {me})
        self.members = len(living)
        desired = {shard: living[shard % len(living)] for shard in range(SHARDS)}
        self._held = {shard for shard in range(SHARDS) if owners.get(str(shard)) == me}
        gone = await self._presence.gone({owner for owner in owners.values() if owner is not None and owner not in living})
        orphans: dict[str | None, list[int]] = {}
        for shard in range(SHARDS):
            owner = owners.get(str(shard))
            if desired[shard] == me and (owner is None or owner in gone):
                orphans.setdefault(owner, []).append(shard)
        for owner, shards in orphans.items():
            condition: dict[str, Any] = {"_id": DOCUMENT, **{f"owners.{shard}": owner for shard in shards}}
            if await self._rows.update_one(condition, {"$set": {f"owners.{shard}": me for shard in shards}}):
                self._held.update(shards)
        return {shard for shard in self._held if desired[shard] != me}

    async def release(self, shards: set[int]) -> None:
        """Give up shards that nothing is being sent from; the next replica in line takes them when it divides again."""
        self._held -= shards
        for shard in shards:
            await self._rows.update_one({"_id": DOCUMENT, f"owners.{shard}": self._presence.name}, {"$set": {f"owners.{shard}": None}})

    async def leave(self) -> None:
        """Give up everything at once, so that nobody waits for this replica's death."""
        held, self._held, self._joined = self._held, set(), False
        await self._presence.announce(**{RELAYS: False})
        if held:
            mine = {f"owners.{shard}": self._presence.name for shard in held}
            await self._rows.update_one({"_id": DOCUMENT, **mine}, {"$set": dict.fromkeys(mine, None)})

    async def published(self, shards: set[int], epoch: str) -> None:
        """Note that everything unexpired of these shards is on the broker of this epoch."""
        await self._rows.update_one({"_id": DOCUMENT}, {"$set": {f"epochs.{shard}": epoch for shard in shards}})
        self.epochs.update(dict.fromkeys(shards, epoch))

    async def _made(self) -> dict[str, Any]:
        """The document, made where it is missing; that another replica was faster is no error."""
        with suppress(Duplicate):
            await self._rows.insert_one({"_id": DOCUMENT, "owners": {}})
        return await self._rows.find_one({"_id": DOCUMENT}) or {}
