"""What changes with a switch of releases is published once, and read from the feed from wherever a reader was."""

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from services.addresses.domain.releases.changes import Change, Happened
from services.addresses.gazetteer.releases import change_sets
from services.addresses.service import build
from services.addresses.settings import Settings
from services.addresses.store import Store
from services.addresses.workers.publish_changes import Publisher
from shared import clock
from tests.support.published_events import Published, published
from tests.support.service_runner import RunningService

from .conftest import SEED
from .process import environment

CREATED = [Change(Happened.CREATED, (), (uprn,)) for uprn in range(1, 2_501)]
CHANGED = [Change(Happened.CHANGED, (7,), (7,))]
MERGED = [Change(Happened.MERGED, (9, 10), (11,)), Change(Happened.MERGED, (12, 13), (14,))]
SPLIT = [Change(Happened.SPLIT, (20,), (21, 22))]
RETIRED = [Change(Happened.RETIRED, (uprn,), ()) for uprn in range(30, 33)]
ALL = [*CREATED, *CHANGED, *MERGED, *SPLIT, *RETIRED]
FEED = "/v1/addresses/changes"


def activate(data_dir, before: str, after: str, changes: list[Change]) -> None:
    change_sets.prepare(data_dir, before, after, changes)
    assert change_sets.number_prepared(data_dir, after)


async def publish_all(store: Store, data_dir) -> int:
    publisher, steps = Publisher(store, data_dir), 0
    while await publisher.step():
        steps += 1
    return steps


@pytest.fixture
async def store(settings) -> AsyncIterator[Store]:
    opened = await Store(settings(Settings)).start()
    yield opened
    await opened.close()


def reported(events: list[Published]) -> list[tuple[str, dict[str, Any]]]:
    return [(event.about.type.split(".")[-2], event.payload) for event in events if ".address." in event.about.type]


async def read(http, headers, **params) -> list[dict[str, Any]]:
    items, more = [], True
    while more:
        body = (await http.get(FEED, params=params, headers=headers)).raise_for_status().json()
        items += body["items"]
        params["cursor"], more = body["next"], body["more"]
    return items


@pytest.fixture
async def feed(serve, settings, data_dir, tmp_path, eventually) -> AsyncIterator[RunningService]:
    """The service, after two switches of releases."""
    own = tmp_path / "data"
    shutil.copytree(data_dir, own, copy_function=shutil.copy2)
    activate(own, "r1", "r2", ALL)
    activate(own, "r2", "r3", [*RETIRED[:1], *CREATED[:1]])
    service = build(settings(Settings, data_dir=own, premises_seed=SEED))
    async with serve(service) as served:

        async def done() -> Any:
            return await service.store.collection("change_sets").count({"done": True}) == 2

        await eventually(done, seconds=20)
        yield served


async def test_each_batch_becomes_one_event_that_names_uprns_alone(feed):
    everything = await published(feed.service)
    events = reported(everything)
    assert [kind for kind, _ in events] == [
        *("created", "created", "created", "changed", "merged", "split", "retired"),
        *("retired", "created"),
    ]
    assert [len(payload["uprns"]) for _, payload in events[:3]] == [1_000, 1_000, 500]
    assert events[0][1]["uprns"][:2] == ["1", "2"]
    assert events[4][1]["replacements"] == [{"before": ["9", "10"], "after": ["11"]}, {"before": ["12", "13"], "after": ["14"]}]
    assert events[5][1]["replacements"] == [{"before": ["20"], "after": ["21", "22"]}]
    assert events[6][1]["uprns"] == ["30", "31", "32"]
    assert [payload["sequence"] for _, payload in events] == list(range(1, 10))
    assert {(payload["release_before"], payload["release"]) for _, payload in events} == {("r1", "r2"), ("r2", "r3")}
    keys = {event.key for event in everything if ".address." in event.about.type}
    assert keys == {"r2", "r3"}


async def test_the_feed_gives_everything_in_order_whatever_the_page(feed, reader):
    expected = [
        *((change.happened.value, [str(uprn) for uprn in change.before], [str(uprn) for uprn in change.after]) for change in ALL),
        ("retired", ["30"], []),
        ("created", [], ["1"]),
    ]
    for limit in (1_000, 333):
        items = await read(feed.http, reader, limit=limit)
        assert [(item["happened"], item["before"], item["after"]) for item in items] == expected
        assert {item["release"] for item in items} == {"r2", "r3"}


async def test_the_feed_goes_on_from_where_the_caller_was_and_replays_from_an_older_cursor(feed, reader):
    first = (await feed.http.get(FEED, params={"limit": 1_000}, headers=reader)).json()
    second = (await feed.http.get(FEED, params={"limit": 1_000, "cursor": first["next"]}, headers=reader)).json()
    assert second["items"][0]["after"] == ["1001"]
    again = (await feed.http.get(FEED, params={"limit": 1_000, "cursor": first["next"]}, headers=reader)).json()
    assert again == second
    rest = await read(feed.http, reader, limit=1_000, cursor=second["next"])
    assert len(rest) == len(ALL) + 2 - 2_000


async def test_at_its_end_the_feed_gives_a_cursor_that_finds_what_comes_later(feed, reader, eventually):
    end = (await feed.http.get(FEED, params={"limit": 1_000, "release": "r3"}, headers=reader)).json()
    assert (len(end["items"]), end["more"]) == (2, False)
    nothing = (await feed.http.get(FEED, params={"cursor": end["next"]}, headers=reader)).json()
    assert nothing == {"items": [], "next": end["next"], "more": False}
    activate(feed.service.settings.data_dir, "r3", "r4", SPLIT)

    async def later() -> Any:
        items = (await feed.http.get(FEED, params={"cursor": end["next"]}, headers=reader)).json()["items"]
        return [(item["release"], item["after"]) for item in items] == [("r4", ["21", "22"])]

    await eventually(later)


async def test_the_feed_is_narrowed_by_kind_release_and_day(feed, reader):
    created = await read(feed.http, reader, happened="created", limit=999)
    assert [item["after"] for item in created] == [[str(uprn)] for uprn in range(1, 2_501)] + [["1"]]
    assert len(await read(feed.http, reader, happened="split")) == 1
    assert [item["happened"] for item in await read(feed.http, reader, release="r3")] == ["retired", "created"]
    assert await read(feed.http, reader, release="unknown") == []
    today = datetime.now(UTC).date().isoformat()
    assert len(await read(feed.http, reader, since=today, happened="retired")) == 4
    assert await read(feed.http, reader, since="2999-01-01") == []


WRONG = [
    ({"cursor": "nonsense"}, "query.cursor"),
    ({"cursor": "WyJhIl0"}, "query.cursor"),
    ({"cursor": "Wy0xLDBd"}, "query.cursor"),
    ({"limit": "1001"}, "query.limit"),
    ({"happened": "moved"}, "query.happened"),
    ({"since": "yesterday"}, "query.since"),
]


async def test_a_wrong_parameter_of_the_feed_is_named(running, reader):
    for params, field in WRONG:
        reply = await running.http.get(FEED, params=params, headers=reader)
        assert (reply.status_code, reply.json()["errors"][0]["field"]) == (400, field)


async def test_the_feed_needs_the_scope(running):
    assert (await running.http.get(FEED)).status_code == 401


async def test_replicas_that_publish_at_once_publish_each_batch_once(settings, store, tmp_path):
    activate(tmp_path, "r1", "r2", ALL)
    activate(tmp_path, "r2", "r3", ALL)
    other = await Store(settings(Settings)).start()
    publishers = [Publisher(store, tmp_path), Publisher(other, tmp_path)]
    quiet = 0
    while quiet < 3:
        quiet = 0 if any(await asyncio.gather(*(publisher.step() for publisher in publishers))) else quiet + 1
    rows = await store.collection("outbox").find({}, sort=[("_id", 1)])
    await other.close()
    assert len(rows) == 14
    positions = [row["position"] for row in await store.collection("changes").find({}, sort=[("position", 1)])]
    assert positions == list(range(1, 15))


async def test_a_publisher_that_was_overtaken_repeats_nothing(store, tmp_path):
    activate(tmp_path, "r1", "r2", ALL)
    one, two = Publisher(store, tmp_path), Publisher(store, tmp_path)
    assert [await one.step(), await two.step()] == [1, 1]
    assert await one.step() == 0, "its next batch was published by the other"
    while await one.step() + await two.step():
        pass
    assert await store.collection("outbox").count({}) == await store.collection("changes").count({}) == 7


async def test_a_publisher_that_is_killed_leaves_each_batch_once(settings, store, data_dir, tmp_path, eventually):
    own = tmp_path / "data"
    shutil.copytree(data_dir, own, copy_function=shutil.copy2)
    activate(own, "r1", "r2", [Change(Happened.CREATED, (), (uprn,)) for uprn in range(30_000)])
    config = settings(Settings, data_dir=own, premises_seed=SEED)
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "services.addresses", env=environment(config))
    try:
        await eventually(lambda: store.collection("changes").count({}), seconds=30)
    finally:
        child.kill()
        await child.wait()
    killed_at = await store.collection("changes").count({})
    assert 0 < killed_at < 30, "it was killed in the middle"
    service = build(config)
    await service.start()  # its sessions end what the dead process left open
    try:

        async def done() -> Any:
            return await store.collection("change_sets").count({"done": True}) == 1

        await eventually(done, seconds=30)
        events = reported(await published(service))
    finally:
        await service.stop()
    assert [payload["sequence"] for _, payload in events] == list(range(1, 31))
    assert [uprn for _, payload in events for uprn in payload["uprns"]] == [str(uprn) for uprn in range(30_000)]


async def test_a_data_dir_that_was_made_anew_does_not_stop_the_feed(store, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    for directory in (old, new):
        directory.mkdir()
    activate(old, "r1", "r2", CREATED)
    activate(old, "r2", "r3", CHANGED)
    await publish_all(store, old)
    activate(new, "r1", "r2", CREATED)
    activate(new, "r2", "r9", SPLIT)
    await publish_all(store, new)
    runs = await store.collection("change_runs").find({}, sort=[("last", 1)])
    assert [(run["before"], run["after"], run["first"], run["last"]) for run in runs] == [
        ("r1", "r2", 1, 3),
        ("r2", "r3", 4, 4),
        ("r2", "r9", 5, 5),
    ]


async def test_the_release_that_was_live_at_an_instant_is_known(store, tmp_path):
    instants = [datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2, 3, 4, 5)]
    assert await store.change_sets.live_at(instants[4]) is None
    await store.releases.insert("r1", content_hash="", counts={}, published_at=instants[1])
    for instant, (before, after) in zip(instants[2:4], pairwise(("r1", "r2", "r3")), strict=True):
        activate(tmp_path, before, after, CHANGED)
        with clock.at(instant):
            await publish_all(store, tmp_path)
    assert [await store.change_sets.live_at(instant) for instant in instants] == [None, "r1", "r2", "r3", "r3"]
