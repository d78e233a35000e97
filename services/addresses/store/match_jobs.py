"""Queries about match jobs, and about the chunks of rows that they are done in.

Addresses are personal data. A chunk's rows are taken out when their results are written, and everything of a job goes by itself at
`expires_at`; what has expired is not given out, whether the database has removed it yet or not.

A claim names its worker and counts that worker's signs of life. Whoever sees the count stand still for some seconds of its own monotonic
clock takes the job over, so no clocks of two machines are compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum

from services.addresses.domain.matching_jobs.rows import MatchedRow, WrittenRow
from services.addresses.domain.search.matching import Decision
from shared.mongo import Document, Scope


class JobState(StrEnum):
    """Where a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class MatchJob:
    """A job as it stands."""

    id: str
    borough: str
    total: int
    chunks: int
    created_at: datetime
    expires_at: datetime
    state: JobState = JobState.WAITING
    done: int = 0
    """Rows that have results."""
    chunks_done: int = 0
    counts: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(map(str, Decision), 0))
    """Rows by decision."""
    releases: Sequence[str] = ()
    """The releases that they were matched with."""
    finished_at: datetime | None = None
    worker: str | None = None
    beat: int = 0
    open: bool = True
    """Whether there is work to do."""


class MatchJobs:
    """Jobs. What a borough asks for is found where it is that borough's."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("match_jobs")

    async def add(self, job: MatchJob) -> None:
        """Keep a new one."""
        row = asdict(job)
        await self._rows.insert_one({"_id": row.pop("id"), **row, "state": job.state.value})

    async def get(self, job: str, *, borough: str, at: datetime) -> MatchJob | None:
        """One of a borough's."""
        row = await self._rows.find_one({"_id": job, "borough": borough})
        return _job(row) if row and row["expires_at"] > at else None

    async def open_of(self, borough: str) -> int:
        """How many of a borough's are not done."""
        return await self._rows.count({"open": True, "borough": borough})

    async def remove(self, job: str) -> None:
        """Forget one."""
        await self._rows.delete_one({"_id": job})

    async def open_jobs(self, *, at: datetime) -> list[MatchJob]:
        """Those with work to do, the oldest first."""
        rows = await self._rows.find({"open": True}, sort=[("_id", 1)])
        return [_job(row) for row in rows if row["expires_at"] > at]

    async def claim(self, job: MatchJob, worker: str) -> bool:
        """Take a job whose holder is as `job` says. False where it has given a sign of life since, or another was faster."""
        return await self._rows.update_one(
            {"_id": job.id, "open": True, "worker": job.worker, "beat": job.beat},
            {"$set": {"worker": worker, "state": JobState.RUNNING.value}, "$inc": {"beat": 1}},
        )

    async def beat(self, job: str, worker: str) -> bool:
        """Give a sign of life. False where the job is another's, or is gone."""
        return await self._rows.update_one({"_id": job, "worker": worker, "open": True}, {"$inc": {"beat": 1}})

    async def advance(self, job: str, worker: str, *, chunk: int, counts: Mapping[str, int], release: str) -> bool:
        """Count a chunk that was matched. False where the job is another's, or is gone."""
        added = {f"counts.{decision}": number for decision, number in counts.items()}
        return await self._rows.update_one(
            {"_id": job, "worker": worker, "open": True, "chunks_done": chunk},
            {"$inc": {"beat": 1, "chunks_done": 1, "done": sum(counts.values()), **added}, "$addToSet": {"releases": release}},
        )

    async def finish(self, job: str, worker: str, *, at: datetime) -> None:
        """Note that all chunks are done."""
        done = {"state": JobState.DONE.value, "open": False, "worker": None, "finished_at": at}
        await self._rows.update_one({"_id": job, "worker": worker}, {"$set": done})

    async def free(self, worker: str) -> None:
        """Leave what a worker holds to others at once."""
        await self._rows.update_many({"open": True, "worker": worker}, {"$set": {"worker": None}, "$inc": {"beat": 1}})


class MatchChunks:
    """The rows of jobs, and their results, in the order in which they were sent."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("match_chunks")

    async def add(self, job: str, number: int, rows: Sequence[WrittenRow], *, expires_at: datetime) -> None:
        """Keep some rows to be matched, for a short time at first: until there is a job that keeps them."""
        chunk = {"job": job, "number": number, "rows": [list(row) for row in rows], "expires_at": expires_at}
        await self._rows.insert_one({"_id": _chunk(job, number), **chunk})

    async def extend(self, job: str, chunks: int, *, expires_at: datetime) -> int:
        """Let a job's rows stay as long as the job, each chunk by itself; gives how many chunks there are."""
        later = {"$set": {"expires_at": expires_at}}
        kept = [await self._rows.update_one({"_id": _chunk(job, number)}, later) for number in range(chunks)]
        return sum(kept)

    async def rows(self, job: str, number: int) -> list[WrittenRow]:
        """The rows of a chunk; none where it is done or gone."""
        row = await self._rows.find_one({"_id": _chunk(job, number)})
        return [WrittenRow(*each) for each in row.get("rows", [])] if row else []

    async def write_results(self, job: str, number: int, results: Sequence[MatchedRow]) -> None:
        """Put results in the place of rows."""
        held = [[row.id, row.decision.value, row.uprn, row.address, row.confidence, *row.postcode_boroughs] for row in results]
        await self._rows.update_one({"_id": _chunk(job, number)}, {"$set": {"results": held}, "$unset": {"rows": ""}})

    async def results(self, job: str, number: int) -> list[MatchedRow] | None:
        """The results of a chunk; None where it is not done or is gone."""
        row = await self._rows.find_one({"_id": _chunk(job, number)})
        if row is None or "results" not in row:
            return None
        return [
            MatchedRow(id_, Decision(decision), uprn, address, confidence, tuple(boroughs))
            for id_, decision, uprn, address, confidence, *boroughs in row["results"]
        ]

    async def remove(self, job: str) -> None:
        """Forget all of a job, each chunk by itself: together they are too much for a transaction."""
        for row in await self._rows.find({"job": job}, projection={"_id": 1}):
            await self._rows.delete_one({"_id": row["_id"]})


def _chunk(job: str, number: int) -> str:
    return f"{job}:{number:04d}"


def _job(row: Document) -> MatchJob:
    fields = {name: value for name, value in row.items() if name != "_id"}
    return MatchJob(**{**fields, "id": row["_id"], "state": JobState(row["state"])})
