"""Ends the transactions that a killed process left open.

A server keeps an open transaction, and with it every row that it wrote, until the transaction's lifetime ends (60 seconds by default,
MongoDB manual, `transactionLifetimeLimitSeconds`), whether its client lives or not. Until then whoever takes the work over meets
`Conflict`. So each process keeps a row with the ids of its driver sessions (they are pooled: a few ids serve all of its transactions)
and counts in it; one whose count has not moved for `DEAD_AFTER` seconds of the observer's own monotonic clock is taken for dead, and
its sessions are killed, which any user may do with sessions of its own. A process that was only paused finds its transaction gone,
which is a `Conflict` like any other.
"""

import logging
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from shared.mongo import driver
from shared.mongo.collection import Collection
from shared.mongo.driver import translated

log = logging.getLogger(__name__)
BEAT_SECONDS = 1.0
DEAD_AFTER = 4.0


class Sessions:
    """The driver sessions of this process, and the end of those of dead ones. One process at a time has the name `instance`."""

    def __init__(self, raw_database: Any, rows: Collection, instance: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = raw_database
        self._rows = rows
        self._instance = instance
        self._monotonic = monotonic
        self._me = uuid4().hex
        self._noted: set[bytes] = set()
        self._seen: dict[str, tuple[int, float]] = {}
        self._started = False

    async def start(self) -> None:
        """Say that this process lives, and end at once what an earlier process of the same name left open."""
        for row in await self._rows.find({"instance": self._instance}):
            if row["_id"] != self._me:
                await self._end(row)
        self._started = True
        await self.beat()

    async def stop(self) -> None:
        """Take the row away: nothing is open any more."""
        self._started = False
        await self._rows.delete_one({"_id": self._me})

    async def note(self, session: Any) -> None:
        """Before a session's first transaction: make known that it is ours. Free for every one after that."""
        if not self._started:
            return
        id_ = driver.session_id(session)
        if id_ in self._noted:
            return
        await self._rows.update_one({"_id": self._me}, {"$addToSet": {"sessions": id_}, "$set": {"instance": self._instance}}, upsert=True)
        self._noted.add(id_)

    async def beat(self) -> int:
        """Say that this process lives; end the transactions of those that stopped saying so. Gives how many processes were found dead."""
        count: dict[str, Any] = {"$inc": {"beat": 1}}
        if not await self._rows.update_one({"_id": self._me}, count):  # new here, or taken for dead after a pause
            row = {"$set": {"instance": self._instance, "sessions": list(self._noted)}}
            await self._rows.update_one({"_id": self._me}, count | row, upsert=True)
        now = self._monotonic()
        others = [row for row in await self._rows.find({}) if row["_id"] != self._me]
        self._seen = {row["_id"]: self._seen_of(row, now) for row in others}
        dead = [row for row in others if now - self._seen[row["_id"]][1] >= DEAD_AFTER]
        for row in dead:
            await self._end(row)
        return len(dead)

    def _seen_of(self, row: dict[str, Any], now: float) -> tuple[int, float]:
        beat = int(row.get("beat", 0))
        known = self._seen.get(row["_id"])
        return known if known is not None and known[0] == beat else (beat, now)

    async def _end(self, row: dict[str, Any]) -> None:
        sessions = row.get("sessions", [])
        if sessions:
            with translated():
                await driver.kill_sessions(self._database, sessions)
            log.warning("a process named %s died; what its %d database sessions had open was undone", row["instance"], len(sessions))
        await self._rows.delete_one({"_id": row["_id"], "beat": row.get("beat")})
        self._seen.pop(row["_id"], None)
