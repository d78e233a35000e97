"""Look through each release for what waits for it: provisional addresses, and addresses that were reported missing.

A row remembers the release that it was last looked for in. Replicas may look for the same one at once: the first that commits is right,
the other finds that nothing waits any more.
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
"""Rows of a step."""
SECONDS_BETWEEN_LOOKS = 5.0


class Reconciler:
    """One replica's look through what waits. `step` is the work of a chassis Worker."""

    def __init__(self, store: Store, live: LiveRelease) -> None:
        self._store = store
        self._live = live
        self._release = ""
        self._tried: set[str] = set()
        """Looked for in this release by this process: where replicas serve different releases, each undoes the other's note in the row."""
        self.wake: Callable[[], None] = lambda: None

    async def step(self) -> int:
        """Look for some of what was not looked for in the live release. Gives how many."""
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
                with suppress(Conflict):  # it is being changed: where it waits on, it is met again
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
        if match is None or str(match.uprn) == report.uprn:  # the building is not the flat that it lacks
            await self._store.reports.note_tried(id_, self._release)
            return
        reason = f"The release {self._release} holds it."
        resolved = decided(report, Status.RESOLVED, at=now(), reason=reason, uprn=str(match.uprn))
        await self._store.reports.save(resolved, was=report.sequence)

    def _sure_match(self, address: str, postcode: str) -> Match | None:
        found = self._live.gazetteer.match(address, postcode, 1)
        return found.matches[0] if found.decision is Decision.MATCH else None
