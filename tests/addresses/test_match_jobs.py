"""Match jobs: what is sent comes back matched, once, in order, to its borough alone; and it is erased."""

import asyncio
import csv
import io
import json
import random
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from services.addresses.domain.addressbase.single_line import line
from services.addresses.domain.csv_cells import as_text
from services.addresses.domain.matching_jobs.rows import WrittenRow
from services.addresses.domain.search.matching import Matching
from services.addresses.gazetteer.search.gazetteer import Gazetteer
from services.addresses.gazetteer.serving.live import LiveRelease
from services.addresses.settings import Settings
from services.addresses.store import Store
from services.addresses.store.match_jobs import MatchChunks, MatchJob, MatchJobs
from services.addresses.workers.run_match_jobs import CHUNK, BulkMatcher
from shared import clock
from shared.mongo import Conflict
from shared.presence import DEAD_AFTER, Presence
from tests.support.published_events import published

from .conftest import SEED
from .process import environment

JOBS = "/v1/addresses/match/jobs"
CSV = {"Content-Type": "text/csv"}
JSON_LINES = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def homes(gazetteer) -> list[Any]:
    everywhere = [blpu for blpu in gazetteer.all_records() if blpu.delivery_point]
    return random.Random(7).sample(everywhere, 1_300)


def as_csv(rows) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([("Postcode", "ID", "note", "Address"), *rows])
    return text.getvalue()


async def done(http, headers, job: str, eventually, seconds: float = 60) -> Any:
    async def finished() -> Any:
        body = (await http.get(f"{JOBS}/{job}", headers=headers)).raise_for_status().json()
        return body if body["state"] == "done" else False

    return await eventually(finished, seconds=seconds)


async def test_a_csv_of_addresses_comes_back_matched_in_its_order(running, reader, homes, eventually):
    sent = [(home.postcode, f"no. {number}", "x\ny", line(home)) for number, home in enumerate(homes[: CHUNK + 20])]
    sent.append(("", "nowhere", "", "1 Rue de Rivoli, Paris"))
    reply = await running.http.post(JOBS, content=as_csv(sent), headers=reader | CSV)
    assert reply.status_code == 202, reply.text
    job = reply.json()
    assert reply.headers["location"] == f"{JOBS}/{job['id']}"
    assert (job["total"], job["state"] in {"waiting", "running"}) == (CHUNK + 21, True)
    finished = await done(running.http, reader, job["id"], eventually)
    assert finished["done"] == sum(finished["counts"].values()) == CHUNK + 21
    assert finished["counts"]["match"] > 0.95 * CHUNK
    assert finished["counts"]["none"] >= 1
    assert len(finished["releases"]) == 1
    result = await running.http.get(f"{JOBS}/{job['id']}/result", params={"format": "csv"}, headers=reader)
    assert result.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(result.text)))
    assert [row["id"] for row in rows] == [id_ for _, id_, _, _ in sent]
    right = [row for row, home in zip(rows[:-1], homes, strict=False) if row["uprn"] == str(home.uprn)]
    assert len(right) > 0.97 * len(sent)
    assert right[0]["address"]
    assert float(right[0]["confidence"]) > 0.8
    assert rows[-1]["decision"] == "none"


async def test_json_lines_and_the_accept_header_will_do_too(running, reader, homes, eventually):
    body = "\n".join(json.dumps({"id": number, "address": line(home), "other": [1]}) for number, home in enumerate(homes[:3]))
    job = (await running.http.post(JOBS, content=body, headers=reader | JSON_LINES)).json()["id"]
    await done(running.http, reader, job, eventually)
    as_lines = await running.http.get(f"{JOBS}/{job}/result", headers=reader)
    assert as_lines.headers["content-type"].startswith("application/x-ndjson")
    results = [json.loads(each) for each in as_lines.text.splitlines()]
    assert [(result["id"], result["uprn"]) for result in results] == [(str(at), str(home.uprn)) for at, home in enumerate(homes[:3])]
    as_table = await running.http.get(f"{JOBS}/{job}/result", headers=reader | {"Accept": "text/csv"})
    assert as_table.text.splitlines()[0] == "id,decision,uprn,address,confidence,postcode_boroughs"


async def test_a_job_is_its_boroughs_alone(running, reader, tokens, eventually):
    job = (await running.http.post(JOBS, content="id,address\n1,x\n", headers=reader | CSV)).json()["id"]
    await done(running.http, reader, job, eventually)
    other = tokens.bearer("addresses:address:read", borough="E09000007")
    nobody = tokens.bearer("addresses:address:read", borough=None)
    for method, path in (("GET", job), ("GET", f"{job}/result"), ("DELETE", job)):
        assert (await running.http.request(method, f"{JOBS}/{path}", headers=other)).status_code == 404
        assert (await running.http.request(method, f"{JOBS}/{path}", headers=nobody)).status_code == 403
        assert (await running.http.request(method, f"{JOBS}/{path}")).status_code == 401
    assert (await running.http.get(f"{JOBS}/{job}/result", headers=reader)).status_code == 200


async def test_a_deleted_job_leaves_nothing_behind(running, reader, homes):
    sent = as_csv([(home.postcode, str(home.uprn), "", line(home)) for home in homes])
    job = (await running.http.post(JOBS, content=sent, headers=reader | CSV)).json()["id"]
    unfinished = await running.http.get(f"{JOBS}/{job}/result", headers=reader)
    assert (unfinished.status_code, unfinished.json()["type"].rsplit("/", 1)[-1]) == (409, "not-done")
    assert (await running.http.delete(f"{JOBS}/{job}", headers=reader)).status_code == 204
    store: Store = running.service.store
    assert await store.collection("match_chunks").count({}) == await store.collection("match_jobs").count({}) == 0
    assert (await running.http.delete(f"{JOBS}/{job}", headers=reader)).status_code == 404
    assert (await running.http.get(f"{JOBS}/{job}", headers=reader)).status_code == 404


async def test_a_matched_row_is_deleted_and_appears_in_no_event(running, reader, eventually):
    sent = '{"id": "1", "address": "Zdenicka Wobblethorpe, 5 Nowhere Lane"}'
    job = (await running.http.post(JOBS, content=sent, headers=reader | JSON_LINES)).json()["id"]
    await done(running.http, reader, job, eventually)
    store: Store = running.service.store
    for name in ("match_jobs", "match_chunks", "outbox", "outbox_sent", "idempotency"):
        assert "Wobblethorpe" not in str(await store.collection(name).find({})), name
    assert not any(b"Wobblethorpe" in event.value for event in await published(running.service))


async def test_an_expired_job_is_gone_and_the_database_will_delete_it(running, reader, eventually):
    job = (await running.http.post(JOBS, content="id,address\n1,x\n", headers=reader | CSV)).json()
    await done(running.http, reader, job["id"], eventually)
    store: Store = running.service.store
    later = clock.now() + timedelta(hours=24, seconds=1)
    assert await store.match_jobs.get(job["id"], borough="E09000012", at=later) is None
    assert await store.match_jobs.get(job["id"], borough="E09000012", at=later - timedelta(seconds=2)) is not None
    for name in ("match_jobs", "match_chunks"):
        (row,) = await store.collection(name).find({})
        assert row["expires_at"].isoformat(timespec="seconds")[:16] == job["expires_at"][:16]
        erased_by = await store._raw[name].index_information()
        assert any(index.get("expireAfterSeconds") == 0 and index["key"][0][0] == "expires_at" for index in erased_by.values())


async def test_the_same_idempotency_key_makes_one_job(running, reader):
    headers = reader | CSV | {"Idempotency-Key": "k1"}
    one = await running.http.post(JOBS, content="id,address\n1,x\n", headers=headers)
    two = await running.http.post(JOBS, content="id,address\n1,x\n", headers=headers)
    assert one.json()["id"] == two.json()["id"]
    assert two.headers["idempotency-replayed"] == "true"
    assert await running.service.store.collection("match_jobs").count({}) == 1
    for chunk in await running.service.store.collection("match_chunks").find({}):
        assert chunk["job"] == one.json()["id"] or chunk["expires_at"] < clock.now() + timedelta(minutes=16), "a repeat's rows go soon"
    other = await running.http.post(JOBS, content="id,address\n2,x\n", headers=headers)
    assert other.status_code == 422


WRONG = [
    ("id,address\n1,x\n,y\n", CSV, 400, "body.3.id"),
    ("id,address\n1,x\n2\n", CSV, 400, "body.3"),
    ("id,town\n1,x\n", CSV, 400, "body.1.address"),
    ("id,id,address\n1,1,x\n", CSV, 400, "body.1.id"),
    ('id,address\n1,"x\ny', CSV, 400, "body.2"),
    ("", CSV, 400, "body.1"),
    ("id,address\n", CSV, 400, "body"),
    ("id,address\n1," + "x" * 1_001, CSV, 400, "body.2.address"),
    ("id,address\n" + "x" * 60_000, CSV, 400, "body.2"),
    (b"id,address\n1,caf\xe9\n", CSV, 400, "body.2"),
    ('{"id": 1, "address": "x"}\n{"id": 2}', JSON_LINES, 400, "body.2.address"),
    ('{"id": true, "address": "x"}', JSON_LINES, 400, "body.1.id"),
    ('{"id": "1", "address": "\\ud800"}', JSON_LINES, 400, "body.1.address"),
    ("\n\n[1]", JSON_LINES, 400, "body.3"),
    ("[" * 9_000, JSON_LINES, 400, "body.1"),
    ("id,address\n1,x\n", {"Content-Type": "application/vnd.ms-excel"}, 415, "header.content-type"),
    ("x" * 20_000_001, CSV, 413, "body"),
]


async def test_bad_input_names_the_line_and_leaves_nothing(running, reader):
    for body, kind, status, field in WRONG:
        reply = await running.http.post(JOBS, content=body, headers=reader | kind)
        assert (reply.status_code, reply.json()["errors"][0]["field"]) == (status, field), reply.text
        assert await running.service.store.collection("match_chunks").count({}) == 0


async def test_more_than_a_hundred_thousand_rows_are_refused_and_their_chunks_removed(running, reader):
    body = "id,address\n" + "1,x\n" * 100_001
    reply = await running.http.post(JOBS, content=body, headers=reader | CSV)
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (400, "body.100002")
    assert await running.service.store.collection("match_chunks").count({}) == 0


async def test_a_job_that_cannot_be_kept_at_this_moment_is_asked_for_again(running, reader, monkeypatch):
    async def in_the_way(*_: Any) -> None:
        raise Conflict("the transaction was ended by others")

    monkeypatch.setattr(MatchJobs, "add", in_the_way)
    reply = await running.http.post(JOBS, content="id,address\n1,x\n", headers=reader | CSV)
    assert (reply.status_code, "retry-after" in reply.headers) == (503, True)
    assert await running.service.store.collection("match_chunks").count({}) == 0


async def test_rows_that_went_before_all_were_sent_make_no_job(running, reader, monkeypatch):
    async def swept(*_: Any, **__: Any) -> int:
        return 0

    monkeypatch.setattr(MatchChunks, "extend", swept)
    reply = await running.http.post(JOBS, content="id,address\n1,x\n", headers=reader | CSV)
    assert (reply.status_code, reply.json()["type"].rsplit("/", 1)[-1]) == (408, "too-slow")
    for name in ("match_jobs", "match_chunks"):
        assert await running.service.store.collection(name).count({}) == 0


async def test_a_borough_with_too_many_unfinished_jobs_waits(running, reader):
    store: Store = running.service.store
    at = clock.now()
    for number in range(20):
        held = MatchJob(f"j{number}", "E09000012", 1, 1, created_at=at, expires_at=at + timedelta(hours=1), worker="busy")
        await store.match_jobs.add(held)
    reply = await running.http.post(JOBS, content="id,address\n1,x\n", headers=reader | CSV)
    assert (reply.status_code, "retry-after" in reply.headers) == (429, True)


# ------------------------------------------------------------ workers


@pytest.fixture
async def store(settings) -> AsyncIterator[Store]:
    opened = await Store(settings(Settings)).start()
    yield opened
    await opened.close()


@pytest.fixture
async def live(data_dir) -> AsyncIterator[LiveRelease]:
    release = LiveRelease(data_dir, SEED)
    await release.open()
    yield release
    await release.close()


async def a_presence(store: Store, name: str = "only", monotonic: Callable[[], float] = lambda: 0.0) -> Presence:
    """The presence of one process, whose clock the test holds."""
    presence = Presence(store.collection("live_processes"), name, monotonic)
    await presence.start()
    return presence


async def a_job(store: Store, homes, name: str = "job", borough: str = "E09000012") -> MatchJob:
    at = clock.now()
    chunks = [homes[first : first + CHUNK] for first in range(0, len(homes), CHUNK)]
    job = MatchJob(name, borough, len(homes), len(chunks), created_at=at, expires_at=at + timedelta(hours=1))
    for number, chunk in enumerate(chunks):
        rows = [WrittenRow(str(home.uprn), line(home), home.postcode) for home in chunk]
        await store.match_chunks.add(name, number, rows, expires_at=job.expires_at)
    await store.match_jobs.add(job)
    return job


async def results(store: Store, job: MatchJob) -> list[str]:
    return [row.id for number in range(job.chunks) for row in await store.match_chunks.results(job.id, number) or ()]


async def test_the_job_of_a_killed_worker_is_taken_over_where_it_was(settings, data_dir, *, store, live, homes, eventually):
    job = await a_job(store, homes * 2)
    config = settings(Settings, data_dir=data_dir, premises_seed=SEED, role="worker")
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "services.addresses", env=environment(config))
    try:
        await eventually(lambda: store.collection("match_jobs").count({"chunks_done": {"$gte": 1}}), seconds=40)
    finally:
        child.kill()
        await child.wait()
    left = (await store.match_jobs.open_jobs(at=clock.now()))[0]
    assert 1 <= left.chunks_done < job.chunks, "it was killed in the middle"
    time = 0.0
    presence = await a_presence(store, "second", lambda: time)
    matcher = BulkMatcher(store, live, presence)
    assert await matcher.step() == 0, "the dead worker is still believed to live"
    time = DEAD_AFTER - 1
    await presence.heartbeat()
    assert await matcher.step() == 0
    time = DEAD_AFTER
    await presence.heartbeat()

    async def taken_over() -> Any:
        return bool(await matcher.step()) and not await store.match_jobs.open_jobs(at=clock.now())

    await eventually(taken_over, seconds=40)
    assert await results(store, job) == [str(home.uprn) for home in homes * 2]
    (row,) = await store.collection("match_jobs").find({})
    assert row["done"] == sum(row["counts"].values()) == len(homes * 2)


async def test_a_worker_that_was_only_thought_dead_doubles_nothing(store, live, homes):
    job = await a_job(store, homes)
    time = 0.0
    slow = BulkMatcher(store, live, await a_presence(store, "slow", lambda: time))
    presence = await a_presence(store, "quick", lambda: time)
    quick = BulkMatcher(store, live, presence)
    assert await slow.step() == await slow.step() == 1
    assert await quick.step() == 0
    time = DEAD_AFTER
    await presence.heartbeat()
    assert await quick.step() == 1
    await asyncio.gather(slow.step(), quick.step())
    while await quick.step():
        pass
    assert await slow.step() == 0
    (row,) = await store.collection("match_jobs").find({})
    assert (row["done"], row["chunks_done"], row["state"]) == (len(homes), job.chunks, "done")
    assert await results(store, job) == [str(home.uprn) for home in homes]


async def test_a_worker_that_stops_leaves_its_job_to_others_at_once(store, live, homes):
    await a_job(store, homes)
    leaving, other = [BulkMatcher(store, live, await a_presence(store, name)) for name in ("leaving", "other")]
    assert await leaving.step() == 1
    assert await other.step() == 0
    await leaving.stop()
    assert await other.step() == 1


async def test_a_job_that_is_deleted_meanwhile_is_dropped(store, live, homes):
    await a_job(store, homes)
    matcher = BulkMatcher(store, live, await a_presence(store))
    await matcher.step()
    await store.match_jobs.remove("job")
    await store.match_chunks.remove("job")
    assert await matcher.step() == 1
    assert await matcher.step() == 0
    assert await store.collection("match_chunks").count({}) == 0


async def test_one_row_waits_for_no_other_boroughs_job(store, live, homes):
    for number in range(3):
        await a_job(store, homes, f"a{number}", "E09000012")
    worker = BulkMatcher(store, live, await a_presence(store))
    assert await worker.step() == 1  # takes the first
    for name, borough in (("b", "E09000007"), ("c", "E09000001")):
        await a_job(store, homes[:1], name, borough)
    steps = 0
    while await store.collection("match_jobs").count({"_id": {"$in": ["b", "c"]}, "open": True}):
        assert await worker.step() == 1
        steps += 1
        assert steps <= 10
    assert await store.collection("match_jobs").count({"borough": "E09000012", "chunks_done": {"$gt": 1}}) == 0


async def test_jobs_that_gave_way_go_on_where_they_were(store, live, homes):
    jobs = [await a_job(store, homes, "a", "E09000012"), await a_job(store, homes, "b", "E09000007")]
    worker = BulkMatcher(store, live, await a_presence(store))
    while await worker.step():
        done_by = [job.chunks_done for job in await store.match_jobs.open_jobs(at=clock.now())]
        assert max(done_by, default=0) - min(done_by, default=0) <= 1
    for job in jobs:
        assert await results(store, job) == [str(home.uprn) for home in homes]


@pytest.mark.parametrize(
    ("sent", "given"),
    [
        ("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"), ("-2+3", "'-2+3"),
        (" =HYPERLINK(1)", "' =HYPERLINK(1)"), ("\tx", "'\tx"), ("\uff1d1", "'\uff1d1"), ("-5", "-5"), ("+447700900123", "+447700900123"),
        ("A-1", "A-1"), ("'quoted", "'quoted"), ("", ""),
    ],
)  # fmt: skip
def test_no_cell_of_a_csv_is_a_formula(sent, given):
    assert as_text(sent) == given


async def test_ids_come_back_in_csv_without_formulas_and_in_json_as_they_were(running, reader, eventually):
    rows = [("=1+1", "1 High Street"), ("-5", "1 High Street")]
    content = as_csv([("", id_, "", address) for id_, address in rows])
    job = (await running.http.post(JOBS, content=content, headers=reader | CSV)).json()["id"]
    await done(running.http, reader, job, eventually)
    given = await running.http.get(f"{JOBS}/{job}/result", params={"format": "csv"}, headers=reader)
    assert [line.split(",")[0] for line in given.text.splitlines()[1:]] == ["'=1+1", "-5"]
    kept = await running.http.get(f"{JOBS}/{job}/result", headers=reader)
    assert [json.loads(line)["id"] for line in kept.text.splitlines()] == ["=1+1", "-5"]


async def test_requests_have_their_turns_while_a_chunk_is_matched(store, live, homes, monkeypatch):
    await a_job(store, homes[:CHUNK])
    matched, gazetteer_match = 0, Gazetteer.match

    def counting(self: Gazetteer, *asked: Any) -> Matching:
        nonlocal matched
        matched += 1
        return gazetteer_match(self, *asked)

    monkeypatch.setattr(Gazetteer, "match", counting)
    matcher = BulkMatcher(store, live, await a_presence(store))
    assert await matcher.step() == 1
    matching = asyncio.create_task(matcher.step())
    longest = before = 0
    while not matching.done():
        await asyncio.sleep(0)
        longest, before = max(longest, matched - before), matched
    assert matched == CHUNK
    assert longest < CHUNK / 5, "so many rows were matched without a break"
