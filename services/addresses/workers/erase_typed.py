"""Erase typed text some days after a provisional address has its UPRN, or a report is resolved or rejected.

The facts stay: the UPRN, the decision, its time and its reason. The worker first encrypts text that older versions stored in the clear.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from services.addresses.domain.casework import provisional, reports
from services.addresses.store import Store
from shared.clock import now
from shared.mongo import Conflict

SECONDS_BETWEEN_ERASURES = 600.0


class Retention:
    """Erases typed text that is due. A chassis `Worker` calls `step`."""

    def __init__(self, store: Store, days: float) -> None:
        self._store = store
        self._kept_for = timedelta(days=days)
        self._is_sealed = False

    async def step(self) -> int:
        """Encrypt or erase one batch, and return its size; 0 when nothing is due."""
        if not self._is_sealed:
            if found := await self._seal_some():
                return found
            self._is_sealed = True  # the database holds no text in the clear any more
        return await self._erase_some(now() - self._kept_for)

    async def _seal_some(self) -> int:
        addresses, reported = await self._store.provisional.plain(), await self._store.reports.plain()
        for kept in addresses:
            with suppress(Conflict):  # another writer changed it; the next step finds it again
                async with self._store.transaction() as tx:
                    await tx.provisional.seal(kept)
        for report in reported:
            with suppress(Conflict):
                async with self._store.transaction() as tx:
                    await tx.reports.seal(report)
        return len(addresses) + len(reported)

    async def _erase_some(self, before: datetime) -> int:
        addresses, reported = await self._store.provisional.served(before), await self._store.reports.served(before)
        for kept in addresses:
            with suppress(Conflict):
                async with self._store.transaction() as tx:
                    await tx.provisional.save(provisional.erased(kept), was=kept.sequence)
        for report in reported:
            with suppress(Conflict):
                async with self._store.transaction() as tx:
                    await tx.reports.save(reports.erased(report), was=report.sequence)
        return len(addresses) + len(reported)
