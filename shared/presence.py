"""Determines which processes of a service live, and frees the claims of dead ones.

Each process has one row, and increments its counter every second (`heartbeat`). A process whose counter stands still for `DEAD_AFTER`
seconds of the observer's own monotonic clock is dead. So nobody compares the clocks of two machines, and a clock that jumps changes
nothing. A process whose own heartbeat is older than `STOP_AFTER` claims nothing more: others may soon declare it dead.

A claim is a row that names its holder (`Presence.name`). Once the holder's row is gone, its claims are free (`Claims`). Read the claims
before the rows of the processes: an older list of processes lacks one that registered in between.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Protocol
from uuid import uuid4

log = logging.getLogger(__name__)
Document = dict[str, Any]
HEARTBEAT_SECONDS = 1.0
STOP_AFTER = 2.5
DEAD_AFTER = 4.0
SWEEP_SECONDS = 10.0
"""Time between searches for abandoned claims while nobody has died. A process that does not know yet that it was declared dead may make
one.
"""


class Rows(Protocol):
    """The operations of a database collection that this module uses (`shared.mongo.Collection`)."""

    async def find(self, where: Mapping[str, Any], *, projection: Mapping[str, Any] | None = None) -> list[Document]: ...

    async def update_one(self, where: Mapping[str, Any], update: Mapping[str, Any], *, upsert: bool = False) -> bool: ...

    async def update_many(self, where: Mapping[str, Any], update: Mapping[str, Any]) -> int: ...

    async def delete_one(self, where: Mapping[str, Any]) -> bool: ...


class Presence:
    """This process among the living processes of its service. One process at a time has the name `instance`."""

    def __init__(self, rows: Rows, instance: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rows = rows
        self._instance = instance
        self._monotonic = monotonic
        self._facts: Document = {}
        self._seen: dict[str, tuple[int, float]] = {}
        self._beaten = float("-inf")
        self.name = _new_name(instance)
        """The name of this process in claims. A living process that was declared dead gets another name."""
        self.living: Mapping[str, Document] = {}
        """The rows of the living processes, by name, as of the last heartbeat."""
        self.started = False
        self.on_death: list[Callable[[Document], Awaitable[object]]] = []
        """Called with the row of a dead process before its removal, possibly in more than one process."""
        self.on_departure: list[Callable[[], object]] = []
        """Called in every process when another one has died or left."""

    @property
    def is_certain(self) -> bool:
        """Whether no other process can have declared this one dead yet."""
        return self._monotonic() - self._beaten < STOP_AFTER

    async def start(self) -> None:
        """Register. Declares an earlier process with the same `instance` dead at once."""
        for row in await self._rows.find({"instance": self._instance}):
            if row["_id"] != self.name:
                await self._remove_dead(row)
        self.started = True
        await self.heartbeat()

    async def deregister(self) -> None:
        """Remove this process's row, which frees its remaining claims."""
        self.started = False
        self._beaten = float("-inf")
        await self._rows.delete_one({"_id": self.name})

    async def announce(self, **facts: object) -> None:
        """Add facts to this process's row, which others read in `living`. They stay when it registers again."""
        self._facts |= facts
        if self.started:
            await self._rows.update_one({"_id": self.name}, {"$set": facts})

    async def heartbeat(self) -> int:
        """Increment this process's counter, and look for dead processes. Returns how many it found."""
        began = self._monotonic()
        if not await self._rows.update_one({"_id": self.name, "dead": False}, {"$inc": {"beat": 1}}):
            await self._register()
        self._beaten = began
        rows = await self._rows.find({})
        dead = [row for row in rows if row["_id"] != self.name and self._is_dead(row)]
        for row in dead:
            await self._remove_dead(row)
        gone = {row["_id"] for row in dead}
        before, self.living = self.living, {row["_id"]: row for row in rows if row["_id"] not in gone}
        self._seen = {name: seen for name, seen in self._seen.items() if name in self.living}
        if before.keys() - self.living.keys():
            for call in self.on_departure:
                call()
        return len(dead)

    async def gone(self, names: Collection[str]) -> set[str]:
        """Return the holders that no longer live. Read the claims first."""
        if not names:
            return set()
        rows = await self._rows.find({"_id": {"$in": list(names)}}, projection={"dead": 1})
        return set(names) - {row["_id"] for row in rows if not row.get("dead")}

    async def _register(self) -> None:
        """Register under a new name, at the start or after others declared this process dead: its old claims are lost."""
        if self._beaten > float("-inf"):
            self.name = _new_name(self._instance)
        row = {"instance": self._instance, "beat": 1, "dead": False, **self._facts}
        await self._rows.update_one({"_id": self.name}, {"$set": row}, upsert=True)

    def _is_dead(self, row: Document) -> bool:
        now, beat = self._monotonic(), int(row.get("beat", 0))
        known = self._seen.get(row["_id"])
        if known is None or known[0] != beat:
            known = self._seen[row["_id"]] = beat, now
        return bool(row.get("dead")) or now - known[1] >= DEAD_AFTER

    async def _remove_dead(self, row: Document) -> None:
        """Declare a process dead, unless its counter moved; then undo its open work and remove its row."""
        unchanged = {"_id": row["_id"], "beat": row.get("beat")}
        if not await self._rows.update_one(unchanged, {"$set": {"dead": True}}):
            return
        log.warning("the process %s died; its work is taken over", row["_id"])
        for call in self.on_death:
            await call(row)
        await self._rows.delete_one({"_id": row["_id"]})


class Claims:
    """The claims on the rows of one collection. Frees those of dead processes, and those that this process lost track of.

    `holder` is the field that names the holder and needs an index; `freed` has the further fields to set in a freed row.
    """

    def __init__(
        self, presence: Presence, rows: Rows, *, holder: str = "holder", freed: Callable[[], Document] = dict, only: Document | None = None
    ) -> None:
        self._presence = presence
        self._rows = rows
        self._holder = holder
        self._freed = freed
        self._where = {**(only or {}), holder: {"$gt": "", "$lt": "\uffff"}}
        self._swept = float("-inf")
        presence.on_departure.append(self.look_again)

    def look_again(self) -> None:
        """Make the next `sweep` search, because a process has gone, or the outcome of a claim is unknown."""
        self._swept = float("-inf")

    async def sweep(self, in_hand: Collection[str] = ()) -> int:
        """Free abandoned claims, at most every `SWEEP_SECONDS` without a reason. Returns how many.

        `in_hand` has the ids of the rows in work here. Any other claim of this process is one whose reply was lost.
        """
        if time.monotonic() - self._swept < SWEEP_SECONDS:
            return 0
        me, began = self._presence.name, time.monotonic()
        claimed = await self._rows.find(self._where, projection={self._holder: 1})
        gone = await self._presence.gone({row[self._holder] for row in claimed} - {me})
        abandoned = [row for row in claimed if row[self._holder] in gone or (row[self._holder] == me and row["_id"] not in in_hand)]
        freed = await self._free(abandoned)
        self._swept = began
        return freed

    async def free_all(self) -> int:
        """Free all claims of this process. Returns how many."""
        return await self._rows.update_many({self._holder: self._presence.name}, {"$set": {self._holder: None, **self._freed()}})

    async def _free(self, rows: Sequence[Document]) -> int:
        if not rows:
            return 0
        where = {"_id": {"$in": [row["_id"] for row in rows]}, self._holder: {"$in": sorted({row[self._holder] for row in rows})}}
        freed = await self._rows.update_many(where, {"$set": {self._holder: None, **self._freed()}})
        log.info("%d abandoned claims are free again", freed)
        return freed


def _new_name(instance: str) -> str:
    return f"{instance}-{uuid4().hex[:8]}"
