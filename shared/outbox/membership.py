"""Which replica relays which shard, agreed in one document and without comparing clocks.

Every member adds one to its own counter each second. A member whose counter has not moved for `DEAD_AFTER` seconds *of the observer's
own monotonic clock* is taken for dead, and its shards go to the living by compare-and-set. A member stops relaying when its own last
beat is older than `STOP_AFTER`, which is well before anybody else can take over; so clocks may jump, and a paused process finds itself
replaced.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.mongo import Collection, Duplicate, Scope
from shared.mongo.outbox_rows import SHARDS

BEAT_SECONDS = 1.0
STOP_AFTER = 2.5
DEAD_AFTER = 4.0
DOCUMENT = "outbox"


@dataclass
class _Seen:
    beat: int
    since: float


class Membership:
    """This replica's part in the relaying of one service's outbox."""

    def __init__(self, scope: Scope, instance: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rows: Collection = scope.collection("relay")
        self._me = instance.replace(".", "-").replace("$", "-")
        self._monotonic = monotonic
        self._seen: dict[str, _Seen] = {}
        self._beaten = float("-inf")
        self._held: set[int] = set()
        self.epochs: dict[int, str] = {}
        """The broker epoch to which each shard's rows were last published in full."""
        self.members = 1

    @property
    def mine(self) -> set[int]:
        """The shards that this replica may relay at this moment."""
        return set(self._held) if self._monotonic() - self._beaten < STOP_AFTER else set()

    async def beat(self) -> set[int]:
        """Say that this replica lives, take over what the dead left. Gives shards to hand over: call `release` when they are idle."""
        began = self._monotonic()
        document = await self._inc()
        self._beaten = began
        members: dict[str, int] = document.get("members", {})
        owners: dict[str, str | None] = document.get("owners", {})
        self.epochs = {int(shard): epoch for shard, epoch in document.get("epochs", {}).items()}
        living = self._living(members)
        self.members = len(living)
        desired = {shard: living[shard % len(living)] for shard in range(SHARDS)}
        self._held = {shard for shard in range(SHARDS) if owners.get(str(shard)) == self._me}
        orphans: dict[str | None, list[int]] = {}
        for shard in range(SHARDS):
            owner = owners.get(str(shard))
            if desired[shard] == self._me and (owner is None or owner not in living):
                orphans.setdefault(owner, []).append(shard)
        for owner, shards in orphans.items():
            condition: dict[str, Any] = {"_id": DOCUMENT, **{f"owners.{shard}": owner for shard in shards}}
            if await self._rows.update_one(condition, {"$set": {f"owners.{shard}": self._me for shard in shards}}):
                self._held.update(shards)
        await self._forget_the_dead(members, living, owners)
        return {shard for shard in self._held if desired[shard] != self._me}

    async def release(self, shards: set[int]) -> None:
        """Give up shards that nothing is being sent from; the next member in line takes them at its next beat."""
        self._held -= shards
        for shard in shards:
            await self._rows.update_one({"_id": DOCUMENT, f"owners.{shard}": self._me}, {"$set": {f"owners.{shard}": None}})

    async def leave(self) -> None:
        """Give up everything at once, so that nobody waits for this replica's death."""
        held, self._held = self._held, set()
        self._beaten = float("-inf")
        change: dict[str, Any] = {"$unset": {f"members.{self._me}": ""}}
        if held:
            change["$set"] = {f"owners.{shard}": None for shard in held}
        await self._rows.update_one({"_id": DOCUMENT, **{f"owners.{shard}": self._me for shard in held}}, change)

    async def published(self, shards: set[int], epoch: str) -> None:
        """Note that everything unexpired of these shards is on the broker of this epoch."""
        await self._rows.update_one({"_id": DOCUMENT}, {"$set": {f"epochs.{shard}": epoch for shard in shards}})
        self.epochs.update(dict.fromkeys(shards, epoch))

    async def _inc(self) -> dict[str, Any]:
        for _ in range(3):
            try:
                document = await self._rows.find_one_and_update({"_id": DOCUMENT}, {"$inc": {f"members.{self._me}": 1}}, upsert=True)
            except Duplicate:  # two replicas made the document at once
                continue
            if document is not None:
                return document
        raise RuntimeError("the relay's membership document cannot be written")

    def _living(self, members: dict[str, int]) -> list[str]:
        now = self._monotonic()
        for member, beat in members.items():
            known = self._seen.get(member)
            if known is None or known.beat != beat:
                self._seen[member] = _Seen(beat, now)
        return sorted(member for member in members if member == self._me or now - self._seen[member].since < DEAD_AFTER)

    async def _forget_the_dead(self, members: dict[str, int], living: list[str], owners: dict[str, str | None]) -> None:
        for member in members.keys() - set(living) - set(owners.values()):
            await self._rows.update_one({"_id": DOCUMENT, f"members.{member}": members[member]}, {"$unset": {f"members.{member}": ""}})
            self._seen.pop(member, None)
