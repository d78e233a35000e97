"""Search each new release for provisional addresses and for addresses reported missing.

A row records the release that was last searched for it. If replicas search for the same row at once, the first commits. The other
raises `Conflict`, or finds that the row no longer waits.
"""

from collections.abc import Callable
from contextlib import suppress

from services.addresses.domain.casework.provisional import reconciled
from services.addresses.domain.casework.reports import Status, decided
from services.addresses.domain.search.matching import Decision, Match
from services.addresses.gazetteer.serving.live import LiveRelease
from services.addresses.store import Store
from shared.clock import now
from shared.mongo import Conflict

AT_ONCE = 50
"""Rows of each collection in one step."""
SECONDS_BETWEEN_LOOKS = 5.0


class Reconciler:
    """Searches the live release for waiting rows. A chassis `Worker` calls `step`; `wake` starts the next step at once."""

    def __init__(self, store: Store, live: LiveRelease) -> None:
        self._store = store
        self._live = live
        self._release = ""
        self._tried: set[str] = set()
        """Ids that this process has searched for in this release: replicas on different releases overwrite each other's note in the row."""
        self.wake: Callable[[], None] = lambda: None

    async def step(self) -> int:
        """Search the live release for one batch of rows that it was not searched for. Returns the number of rows searched for."""
        if self._release != self._live.manifest.release:
            self._release = self._live.manifest.release
            self._tried.clear()
        looked = 0
        for untried, look in (
            (self._store.provisional.untried, self._look_for_provisional),
            (self._store.reports.untried, self._look_for_missing),
        ):
            waiting = [id_ for id_ in await untried(self._release) if id_ not in self._tried][:AT_ONCE]
            for id_ in waiting:
                with suppress(Conflict):  # another writer changed it; the next step finds it again if it still waits
                    await look(id_)
                    self._tried.add(id_)
                    looked += 1
        return looked

    async def _look_for_provisional(self, id_: str) -> None:
        kept = await self._store.provisional.awaited(id_)
        if kept is None:
            return
        match = self._sure_match(kept.address, kept.postcode)
        if match is None:
            await self._store.provisional.note_tried(id_, self._release)
            return
        after, events = reconciled(kept, str(match.uprn), confidence=match.confidence, release=self._release, at=now())
        async with self._store.transaction() as tx:
            await tx.provisional.save(after, was=kept.sequence)
            await tx.publish(*events, borough=kept.borough)

    async def _look_for_missing(self, id_: str) -> None:
        report = await self._store.reports.awaited(id_)
        if report is None:
            return
        match = self._sure_match(report.address, report.postcode)
        if match is None or str(match.uprn) == report.uprn:  # the report's own building is not the missing flat
            await self._store.reports.note_tried(id_, self._release)
            return
        reason = f"The release {self._release} holds it."
        resolved = decided(report, Status.RESOLVED, at=now(), reason=reason, uprn=str(match.uprn))
        await self._store.reports.save(resolved, was=report.sequence)

    def _sure_match(self, address: str, postcode: str) -> Match | None:
        found = self._live.gazetteer.match(address, postcode, 1)
        return found.matches[0] if found.decision is Decision.MATCH else None
