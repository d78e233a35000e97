"""Queries about match jobs and their chunks of rows.

Addresses are personal data. Writing the results of a chunk deletes its rows, and the database deletes a whole job at `expires_at`. Queries
ignore expired jobs, even before the database has deleted them.

A claim names its worker's process. The claims of a dead process are free again (`shared.presence.Claims`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum

from services.addresses.domain.matching_jobs.rows import MatchedRow, WrittenRow
from services.addresses.domain.search.matching import Decision
from shared.mongo import Document, Scope


class JobState(StrEnum):
    """State of a job."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class MatchJob:
    """A match job with its progress and its claim."""

    id: str
    borough: str
    total: int
    chunks: int
    created_at: datetime
    expires_at: datetime
    state: JobState = JobState.WAITING
    done: int = 0
    """Number of rows with results."""
    chunks_done: int = 0
    counts: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(map(str, Decision), 0))
    """Number of rows for each decision."""
    releases: Sequence[str] = ()
    """Releases with which workers matched the rows."""
    finished_at: datetime | None = None
    worker: str | None = None
    open: bool = True
    """Whether rows wait to be matched."""


class MatchJobs:
    """Match jobs. A borough's query finds only that borough's jobs."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("match_jobs")

    async def add(self, job: MatchJob) -> None:
        """Insert a new job."""
        row = asdict(job)
        await self._rows.insert_one({"_id": row.pop("id"), **row, "state": job.state.value})

    async def get(self, job: str, *, borough: str, at: datetime) -> MatchJob | None:
        """Return a borough's job, or None if it does not exist or has expired at `at`."""
        row = await self._rows.find_one({"_id": job, "borough": borough})
        return _job(row) if row and row["expires_at"] > at else None

    async def open_of(self, borough: str) -> int:
        """Count a borough's unfinished jobs."""
        return await self._rows.count({"open": True, "borough": borough})

    async def remove(self, job: str) -> None:
        """Delete a job, without its chunks."""
        await self._rows.delete_one({"_id": job})

    async def open_jobs(self, *, at: datetime) -> list[MatchJob]:
        """List the unfinished jobs that have not expired, oldest first."""
        rows = await self._rows.find({"open": True}, sort=[("_id", 1)])
        return [_job(row) for row in rows if row["expires_at"] > at]

    async def claim(self, job: MatchJob, worker: str) -> bool:
        """Claim a job. Returns False if its worker differs from `job`: another claim was faster."""
        return await self._rows.update_one(
            {"_id": job.id, "open": True, "worker": job.worker}, {"$set": {"worker": worker, "state": JobState.RUNNING.value}}
        )

    async def advance(self, job: str, worker: str, *, chunk: int, counts: Mapping[str, int], release: str) -> bool:
        """Count a matched chunk. Returns False if another worker holds the job, `chunk` is counted already, or the job is gone."""
        added = {f"counts.{decision}": number for decision, number in counts.items()}
        return await self._rows.update_one(
            {"_id": job, "worker": worker, "open": True, "chunks_done": chunk},
            {"$inc": {"chunks_done": 1, "done": sum(counts.values()), **added}, "$addToSet": {"releases": release}},
        )

    async def finish(self, job: str, worker: str, *, at: datetime) -> None:
        """Mark the job as done."""
        done = {"state": JobState.DONE.value, "open": False, "worker": None, "finished_at": at}
        await self._rows.update_one({"_id": job, "worker": worker}, {"$set": done})


class MatchChunks:
    """Chunks of rows and their results, numbered from 0 in the order of the request."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("match_chunks")

    async def add(self, job: str, number: int, rows: Sequence[WrittenRow], *, expires_at: datetime) -> None:
        """Insert a chunk of rows. Give it a short life first; `extend` prolongs it when its job exists."""
        chunk = {"job": job, "number": number, "rows": [list(row) for row in rows], "expires_at": expires_at}
        await self._rows.insert_one({"_id": _chunk(job, number), **chunk})

    async def extend(self, job: str, chunks: int, *, expires_at: datetime) -> int:
        """Set the expiry of a job's chunks, one update for each. Returns the number of chunks that still exist."""
        later = {"$set": {"expires_at": expires_at}}
        kept = [await self._rows.update_one({"_id": _chunk(job, number)}, later) for number in range(chunks)]
        return sum(kept)

    async def rows(self, job: str, number: int) -> list[WrittenRow]:
        """Return the rows of a chunk; empty if it is done or gone."""
        row = await self._rows.find_one({"_id": _chunk(job, number)})
        return [WrittenRow(*each) for each in row.get("rows", [])] if row else []

    async def write_results(self, job: str, number: int, results: Sequence[MatchedRow]) -> None:
        """Replace the rows of a chunk by their results."""
        held = [[row.id, row.decision.value, row.uprn, row.address, row.confidence, *row.postcode_boroughs] for row in results]
        await self._rows.update_one({"_id": _chunk(job, number)}, {"$set": {"results": held}, "$unset": {"rows": ""}})

    async def results(self, job: str, number: int) -> list[MatchedRow] | None:
        """Return the results of a chunk; None if it is not done, or gone."""
        row = await self._rows.find_one({"_id": _chunk(job, number)})
        if row is None or "results" not in row:
            return None
        return [
            MatchedRow(id_, Decision(decision), uprn, address, confidence, tuple(boroughs))
            for id_, decision, uprn, address, confidence, *boroughs in row["results"]
        ]

    async def remove(self, job: str) -> None:
        """Delete all chunks of a job, one delete for each, because together they exceed a transaction."""
        for row in await self._rows.find({"job": job}, projection={"_id": 1}):
            await self._rows.delete_one({"_id": row["_id"]})


def _chunk(job: str, number: int) -> str:
    return f"{job}:{number:04d}"


def _job(row: Document) -> MatchJob:
    fields = {name: value for name, value in row.items() if name not in ("_id", "beat")}  # earlier versions counted heartbeats here
    return MatchJob(**{**fields, "id": row["_id"], "state": JobState(row["state"])})
