"""Match jobs: a worker matches up to 100,000 addresses in one job and keeps them for `match_jobs_hours` or until their deletion."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from services.addresses.domain.csv_cells import as_text
from services.addresses.domain.matching_jobs.rows import LONGEST_LINE, BadLineError, CsvRows, JsonRows, MatchedRow, RowReader, WrittenRow
from services.addresses.settings import Settings
from services.addresses.store import Store
from services.addresses.store.match_jobs import JobState, MatchJob
from services.addresses.workers.run_match_jobs import CHUNK, BulkMatcher
from shared.clock import now
from shared.events import new_id
from shared.http import Problem, Router, provided
from shared.mongo import Conflict, Unavailable

from .common import Db, Id, Reader

MOST_ROWS = 100_000
MOST_BYTES = 20_000_000
MOST_OPEN = 20
"""Most waiting and running jobs of a borough."""
SECONDS_TO_SEND = 900
CSV, JSON_LINES = "text/csv", "application/x-ndjson"
_READERS: dict[str, type[CsvRows | JsonRows]] = {CSV: CsvRows, JSON_LINES: JsonRows, "application/jsonl": JsonRows}
_COLUMNS = ("id", "decision", "uprn", "address", "confidence", "postcode_boroughs")

router = Router(prefix="/v1/addresses/match/jobs", tags=["match jobs"], body_limit=MOST_BYTES, streams=True)
Config = Annotated[Settings, Depends(provided(Settings))]
Matcher = Annotated[BulkMatcher, Depends(provided(BulkMatcher))]
_BODY = {
    "requestBody": {
        "required": True,
        "description": f"At most {MOST_ROWS:,} rows with the columns `id` (yours, it comes back), `address` and perhaps `postcode`.",
        "content": {
            CSV: {"schema": {"type": "string"}, "example": "id,address,postcode\n1,12 High Street,E8 1AB\n"},
            JSON_LINES: {"schema": {"type": "string"}, "example": '{"id": 1, "address": "12 High Street", "postcode": "E8 1AB"}\n'},
        },
    }
}
_RESULT: dict[int | str, dict[str, Any]] = {
    200: {"content": {CSV: {"schema": {"type": "string"}}, JSON_LINES: {"schema": {"type": "string"}}}},
    409: {"description": "The job is not done"},
}


class Counts(BaseModel):
    """Number of rows for each decision."""

    match: int = Field(description="Take the UPRN")
    possible: int = Field(description="Let a person choose")
    none: int = Field(description="It is not held")


class JobView(BaseModel):
    """The current state of a job."""

    id: str
    state: JobState
    total: int = Field(description="Rows")
    done: int = Field(description="Rows that are matched")
    counts: Counts
    releases: list[str] = Field(description="The releases that they were matched with: more than one where another went live meanwhile")
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime = Field(description="When rows and results are erased")

    @classmethod
    def of(cls, job: MatchJob) -> "JobView":
        """Create the view of a job."""
        return cls(
            id=job.id,
            state=job.state,
            total=job.total,
            done=job.done,
            counts=Counts(**job.counts),
            releases=list(job.releases),
            created_at=job.created_at,
            finished_at=job.finished_at,
            expires_at=job.expires_at,
        )


@router.post(
    "",
    status_code=202,
    openapi_extra=_BODY,
    responses={
        400: {"description": "A line cannot be used: the problem says which"},
        408: {"description": "It took too long to send"},
        415: {"description": "Neither CSV nor JSON lines"},
        429: {"description": f"The borough has {MOST_OPEN} jobs that are not done"},
    },
)
async def create_match_job(
    *, request: Request, caller: Reader, store: Db, settings: Config, matcher: Matcher, response: Response
) -> JobView:
    """Send addresses to match, as CSV with a header (`text/csv`) or JSON lines (`application/x-ndjson`), in UTF-8.

    The service ignores columns other than `id`, `address` and `postcode`. One unusable line refuses the whole job.
    """
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    reader = _READERS.get(kind)
    if reader is None:
        detail = f"Send {CSV} or {JSON_LINES}."
        raise Problem(415, detail, type="unsupported-media-type", field="header.content-type")
    borough, at, id_ = caller.own_borough, now(), new_id()
    if await store.match_jobs.open_of(borough) >= MOST_OPEN:
        detail = f"Your borough has {MOST_OPEN} jobs that are not done. Wait for one, or delete one."
        raise Problem(429, detail, type="too-many-jobs", headers={"Retry-After": "60"})
    expires_at = at + timedelta(hours=settings.match_jobs_hours)
    try:
        async with store.transaction() as tx:
            tx.if_undone(lambda: store.match_chunks.remove(id_))
            total, chunks = await _received(request, reader(), Chunks(store, id_, matcher.one_writer))
            job = MatchJob(id_, borough, total, chunks, created_at=at, expires_at=expires_at)
            await _extend(store, job)
            await tx.match_jobs.add(job)
            tx.after_commit(matcher.wake)
    except Conflict as error:  # the router would retry, but a request body can be read only once
        raise Unavailable("the job could not be kept") from error
    response.headers["Location"] = f"{router.prefix}/{id_}"
    return JobView.of(job)


@router.get("/{job}")
async def get_match_job(job: Id, caller: Reader, store: Db) -> JobView:
    """Return the progress of a job."""
    return JobView.of(await _visible(store, job, caller.own_borough))


@router.get("/{job}/result", responses=_RESULT, response_class=StreamingResponse)
async def get_match_result(
    *,
    request: Request,
    job: Id,
    caller: Reader,
    store: Db,
    format: Annotated[Literal["csv", "jsonl"] | None, Query(description="Without it `Accept` decides; else JSON lines.")] = None,  # noqa: A002
) -> StreamingResponse:
    """Return the best candidate for each row, in order: `id`, `decision`, `uprn`, `address`, `confidence` (0 to 1).

    `postcode_boroughs` lists the GSS codes of a candidate's postcode that lies in several boroughs, separated by spaces in CSV. Use the
    borough of the UPRN then. For other candidates the field is empty in CSV and absent in JSON lines.

    CSV puts an apostrophe before an `id` or `address` that a spreadsheet would read as a formula (`=`, `@`, and `+` or `-` that begin no
    number). JSON lines repeat every `id` as sent.
    """
    found = await _visible(store, job, caller.own_borough)
    if found.state is not JobState.DONE:
        raise Problem(409, f"The job is not done: {found.done} of {found.total} rows.", type="not-done")
    written = _as_csv if format == "csv" or (format is None and CSV in request.headers.get("accept", "")) else _as_json_lines
    return StreamingResponse(written(_results(store, found)), media_type=CSV if written is _as_csv else JSON_LINES)


@router.delete("/{job}", status_code=204)
async def delete_match_job(job: Id, caller: Reader, store: Db) -> None:
    """Stop a job, and erase its rows and results."""
    await _visible(store, job, caller.own_borough)
    await store.match_chunks.remove(job)  # too large for the transaction; after a failure, the caller can delete the job again
    async with store.transaction() as tx:
        await tx.match_jobs.remove(job)


async def _extend(store: Store, job: MatchJob) -> None:
    """Keep the rows as long as the job. Raises a 408 if a chunk has expired during a slow upload."""
    if await store.match_chunks.extend(job.id, job.chunks, expires_at=job.expires_at) != job.chunks:
        raise Problem(408, f"Send all within {SECONDS_TO_SEND // 60} minutes.", type="too-slow")


async def _visible(store: Store, job: str, borough: str) -> MatchJob:
    found = await store.match_jobs.get(job, borough=borough, at=now())
    if found is None:
        raise _unknown()
    return found


def _unknown() -> Problem:
    return Problem(404, "There is no such job", type="not-found", field="path.job")


# ------------------------------------------------------------ request


class Chunks:
    """Writes the rows of one job, a chunk at a time; this process never writes the chunks of two jobs at once.

    If no job follows, because the process dies or the request is a repetition, the database deletes the chunks at their expiry.
    """

    def __init__(self, store: Store, job: str, one_writer: asyncio.Lock) -> None:
        self._store, self._job, self._one_writer = store, job, one_writer
        self._expires_at = now() + timedelta(seconds=SECONDS_TO_SEND)
        self.written = 0

    async def write(self, rows: list[WrittenRow]) -> None:
        """Write the next chunk."""
        async with self._one_writer:
            await self._store.match_chunks.add(self._job, self.written, rows, expires_at=self._expires_at)
        self.written += 1


async def _received(request: Request, reader: RowReader, chunks: Chunks) -> tuple[int, int]:
    """Write the rows of a body in chunks as they arrive. Returns the numbers of rows and chunks; raises a 400 for an unusable line."""
    rows: list[WrittenRow] = []
    total = number = 0
    try:
        async for number, line in _lines(request):
            if (row := reader.read(number, line)) is None:
                continue
            total = _counted(total, number)
            rows.append(row)
            if len(rows) == CHUNK:
                await chunks.write(rows)
                rows = []
        reader.end(number)
    except BadLineError as bad:
        field = ".".join(filter(None, ("body", str(bad.line), bad.column)))
        raise Problem(400, str(bad), type="invalid-input", field=field) from None
    if not total:
        raise Problem(400, "There are no rows.", type="invalid-input", field="body")
    if rows:
        await chunks.write(rows)
    return total, chunks.written


def _counted(rows: int, line: int) -> int:
    if rows == MOST_ROWS:
        raise BadLineError(line, f"there are more than {MOST_ROWS} rows")
    return rows + 1


async def _lines(request: Request) -> AsyncIterator[tuple[int, str]]:
    """Yield the lines of a body with their numbers from 1, without line ends.

    Raises `BadLineError` for a line that is not UTF-8 or too long.
    """
    left, number = b"", 0
    async for part in request.stream():
        *whole, left = (left + part).split(b"\n")
        for line in whole:
            number += 1
            yield number, _decoded(number, line)
        if len(left) > 4 * LONGEST_LINE:
            raise BadLineError(number + 1, f"a row has at most {LONGEST_LINE} characters")
    if left:
        yield number + 1, _decoded(number + 1, left)


def _decoded(number: int, line: bytes) -> str:
    try:
        return line.removesuffix(b"\r").decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise BadLineError(number, "it is not UTF-8; save the file as CSV UTF-8") from None


# ------------------------------------------------------------ response


async def _results(store: Store, job: MatchJob) -> AsyncIterator[list[MatchedRow]]:
    for number in range(job.chunks):
        rows = await store.match_chunks.results(job.id, number)
        if rows is None:
            raise RuntimeError("the job was deleted while its result was read")  # aborts the response before a client takes it as complete
        yield rows


async def _as_csv(chunks: AsyncIterator[list[MatchedRow]]) -> AsyncIterator[str]:
    yield ",".join(_COLUMNS) + "\r\n"
    async for rows in chunks:
        text = io.StringIO()
        csv.writer(text).writerows(
            (as_text(row.id), row.decision.value, row.uprn, as_text(row.address), row.confidence, " ".join(row.postcode_boroughs))
            for row in rows
        )
        yield text.getvalue()


async def _as_json_lines(chunks: AsyncIterator[list[MatchedRow]]) -> AsyncIterator[str]:
    async for rows in chunks:
        yield "".join(json.dumps(_line(row), ensure_ascii=False) + "\n" for row in rows)


def _line(row: MatchedRow) -> dict[str, str | float | list[str] | None]:
    return {
        "id": row.id,
        "decision": row.decision.value,
        "uprn": row.uprn or None,
        "address": row.address or None,
        "confidence": row.confidence,
        **({"postcode_boroughs": list(row.postcode_boroughs)} if row.postcode_boroughs else {}),
    }
