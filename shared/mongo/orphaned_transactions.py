"""Ends the transactions that a killed process left open.

A server keeps an open transaction, and locks every row written in it, until the transaction's lifetime ends (60 seconds by default,
MongoDB manual, `transactionLifetimeLimitSeconds`), even when its client is dead. Until then a process that takes the work over meets
`Conflict`. So each process lists the ids of its driver sessions in its row of `shared.presence`. The driver pools sessions, so a few ids
serve all transactions. The process that finds another one dead kills that one's sessions, which any database user may do with its own.
A process that was only paused finds its transaction gone, which is a `Conflict` like any other.
"""

import asyncio
import logging
from typing import Any

from shared.mongo import driver
from shared.mongo.driver import translated
from shared.presence import Presence

log = logging.getLogger(__name__)


class OrphanedTransactions:
    """Makes the driver sessions of this process known, and ends those of dead processes."""

    def __init__(self, raw_database: Any, presence: Presence) -> None:
        self._database = raw_database
        self._presence = presence
        self._noted: set[bytes] = set()
        self._noting = asyncio.Lock()
        presence.on_death.append(self._end)

    async def note(self, session: Any) -> None:
        """Make a session known before its first transaction. Costs nothing for the later ones."""
        if not self._presence.started:
            return
        id_ = driver.session_id(session)
        if id_ in self._noted:
            return
        async with self._noting:
            await self._presence.announce(sessions=[*self._noted, id_])
            self._noted.add(id_)

    async def _end(self, row: dict[str, Any]) -> None:
        sessions = row.get("sessions", [])
        if sessions:
            with translated():
                await driver.kill_sessions(self._database, sessions)
            log.warning("what a dead process had open in %d database sessions was undone", len(sessions))
