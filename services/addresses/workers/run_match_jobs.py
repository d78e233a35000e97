"""Run match jobs chunk by chunk, in slices short enough that the process answers requests in between.

One transaction, guarded by the worker's claim, commits a chunk's results and the count of chunks done. A killed worker, or one presumed
dead, therefore duplicates nothing, and its successor continues with the first chunk without results. Boroughs take turns by the chunk,
so no borough waits for the whole job of another.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable

from services.addresses.domain.matching_jobs.rows import MatchedRow, WrittenRow
from services.addresses.domain.search.matching import Decision
from services.addresses.gazetteer.serving.live import LiveRelease
from services.addresses.store import Store
from services.addresses.store.match_jobs import MatchJob
from shared.clock import now
from shared.mongo import Conflict
from shared.presence import Claims, Presence

CHUNK = 500
"""Rows in a chunk: half a second of matching, about 50 kB."""
SLICE_SECONDS = PAUSE_SECONDS = 0.002
"""Seconds of matching, and then seconds for everything else in the process: a request needs several turns of the event loop."""


class _Lost(Exception):  # noqa: N818 (what happened, not a fault)
    """Another worker has claimed the job, or somebody has deleted it."""


class BulkMatcher:
    """Runs one job at a time. A chassis `Worker` calls `step`; `wake` starts the next step at once."""

    def __init__(self, store: Store, live: LiveRelease, presence: Presence | None = None) -> None:
        """`presence` names this process in claims; the store's by default."""
        self._store = store
        self._live = live
        self._presence = presence or store.presence
        self._claims = Claims(self._presence, store.collection("match_jobs"), holder="worker", only={"open": True})
        self._name = self._presence.name
        """The name in the current claim: after a pause the process may have another."""
        self._job: MatchJob | None = None
        self._next = 0
        self._turns: dict[str, int] = {}
        """Borough to the number of its last turn; turns count from 1."""
        self.wake: Callable[[], None] = lambda: None
        self.one_writer = asyncio.Lock()
        """Guards the writing of a new job's chunks: many large writes at once stall the embedded database."""

    async def step(self) -> int:
        """Claim a job, or match the next chunk of the claimed job. Returns 0 if there is no job."""
        if self._job is None:
            return int(await self._take())
        job, self._job = self._job, None  # after an error, the worker must claim the job again
        try:
            self._job = await self._match_next(job)
        except (_Lost, Conflict):
            return 1
        if self._job and self._next < job.chunks and await self._others_wait(job.borough):
            self._job = None
            await self._claims.free_all()
        return 1

    async def stop(self) -> None:
        """Release the claimed job to other workers."""
        await self._claims.free_all()

    async def _take(self) -> bool:
        if not self._presence.is_certain:
            return False
        await self._claims.sweep()
        self._name = self._presence.name
        jobs = await self._store.match_jobs.open_jobs(at=now())
        for job in sorted(jobs, key=lambda job: self._turns.get(job.borough, 0)):  # stable: oldest first in a borough
            if job.worker in (None, self._name) and await self._store.match_jobs.claim(job, self._name):
                self._job, self._next = job, job.chunks_done
                self._turns[job.borough] = max(self._turns.values(), default=0) + 1
                return True
        return False

    async def _others_wait(self, borough: str) -> bool:
        """Return whether a job of another borough has no worker."""
        return any(job.worker is None and job.borough != borough for job in await self._store.match_jobs.open_jobs(at=now()))

    async def _match_next(self, job: MatchJob) -> MatchJob | None:
        """Match the next chunk and write its results. Returns the job, or None once it is finished."""
        if self._next == job.chunks:
            await self._store.match_jobs.finish(job.id, self._name, at=now())
            return None
        rows = await self._store.match_chunks.rows(job.id, self._next)
        release = self._live.manifest.release
        results = await self._matched(rows)
        counts = Counter(dict.fromkeys(map(str, Decision), 0))
        counts.update(row.decision.value for row in results)
        async with self._store.transaction() as tx:
            if not await tx.match_jobs.advance(job.id, self._name, chunk=self._next, counts=counts, release=release):
                raise _Lost
            await tx.match_chunks.write_results(job.id, self._next, results)
        self._next += 1
        return job

    async def _matched(self, rows: list[WrittenRow]) -> list[MatchedRow]:
        gazetteer, results = self._live.gazetteer, []
        turn_at = time.monotonic()
        for row in rows:
            results.append(MatchedRow.of(row, gazetteer.match(row.address, row.postcode, 1), gazetteer.split_postcodes))
            if time.monotonic() - turn_at >= SLICE_SECONDS:
                await asyncio.sleep(PAUSE_SECONDS)
                turn_at = time.monotonic()
        return results
