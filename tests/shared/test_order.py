"""A key's events keep the order of their commits, whatever the clocks and the backlog."""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient
from uuid_utils import uuid7

import examples.move_home.events  # noqa: F401 (its classes count too)
from contracts.events.base import Event, Key, Order, registry
from deploy.embedded.engines import Tansu
from shared import clock
from shared.context import NO_CAUSE
from shared.mongo import Conflict
from shared.mongo import outbox_rows as rows
from shared.outbox import backlog
from shared.outbox.backlog import Backlog
from tests.conftest import BROKER
from tests.shared.thing import Settings, Store, ThingMade, build, recording

HOUR_AHEAD = 3600
NOBODY: dict[int, set[str]] = defaultdict(set)


class Versioned(Event, type="thing.thing.versioned", version=1, topic="thing.versioned"):
    """An event of a versioned aggregate."""

    thing: str = Key()


def _clock_that_is(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Shift the process's clock: its times and its new ids move by this offset."""

    def id_() -> str:
        return str(uuid7(nanoseconds=int((clock.now().timestamp() + seconds) * 1e9)))

    monkeypatch.setattr(rows, "new_id", id_)


def _off_by(seconds: float) -> Callable[[], datetime]:
    return lambda: datetime.now(UTC) + timedelta(seconds=seconds)


async def _publish(store: Store, thing: str, number: int) -> None:
    async with store.transaction() as tx:
        await tx.publish(ThingMade(thing=thing, number=number))


@pytest.mark.parametrize("type_", sorted(registry))
def test_every_event_class_says_where_its_order_comes_from(type_):
    fields: dict[str, Any] = {registry[type_].key_field: "key"}
    event = registry[type_].model_construct(None, **fields)
    if event.order is not Order.VERSION:
        rows.check(event)
        return
    with pytest.raises(TypeError, match="sequence"):
        rows.check(event)
    rows.check(event.model_copy(update={"sequence": 1}))


async def test_an_event_without_its_version_cannot_be_published(settings):
    store = await Store(settings(Settings)).start()
    with pytest.raises(TypeError, match="Versioned needs `sequence`"):
        async with store.transaction() as tx:
            await tx.publish(Versioned(thing="one"))


@pytest.mark.parametrize("length", [0, rows.LONGEST_KEY + 1])
def test_a_key_is_neither_empty_nor_long(length):
    with pytest.raises(ValueError, match="the key of ThingMade"):
        rows.row(ThingMade(thing="k" * length), service="thing", topic_prefix="", cause=NO_CAUSE)


async def test_replicas_whose_clocks_differ_keep_the_order_of_commits(settings, serve, eventually, monkeypatch):
    config = settings(Settings)
    one, two = await Store(config).start(), await Store(config).start()
    for number, store in zip(range(20), itertools.cycle((one, two)), strict=False):
        off = HOUR_AHEAD if store is one else -2
        _clock_that_is(monkeypatch, 0)
        with clock.at(_off_by(off)):
            await _publish(store, "chair", number)
    async with serve(build(config, recording())) as running:
        effects = running.service.store.effects
        await eventually(lambda: _count(effects, 20), seconds=30)
        assert await effects.of("chair") == list(range(20))


async def _count(effects, number):
    return await effects.count() == number


async def test_a_clock_that_was_ahead_for_a_second_spoils_nothing(settings, serve, eventually, monkeypatch):
    async with serve(build(settings(Settings), recording())) as running:
        store: Store = running.service.store
        _clock_that_is(monkeypatch, HOUR_AHEAD)
        await _publish(store, "chair", 0)
        _clock_that_is(monkeypatch, 0)
        for number in range(1, 10):
            await _publish(store, "chair", number)
        await eventually(lambda: _count(store.effects, 10))
        assert await store.effects.of("chair") == list(range(10))


async def test_events_of_one_transaction_keep_the_order_in_which_they_were_given(settings, serve, eventually, monkeypatch):
    config = settings(Settings)
    store = await Store(config).start()
    ids = iter([str(uuid7(nanoseconds=(2_000_000_000 - nth) * 10**9)) for nth in range(10)])
    monkeypatch.setattr(rows, "new_id", lambda: next(ids))
    async with store.transaction() as tx:
        await tx.publish(*(ThingMade(thing="chair", number=number, sequence=7) for number in range(10)))
    monkeypatch.undo()
    async with serve(build(config, recording())) as running:
        effects = running.service.store.effects
        await eventually(lambda: _count(effects, 10))
        assert await effects.of("chair") == list(range(10))


@pytest.mark.skipif(BROKER != "tansu", reason="Apache Kafka keeps its messages")
async def test_a_broker_that_lost_everything_gets_it_again_in_the_order_of_commits(settings, serve, eventually, monkeypatch):
    async with Tansu() as broker:
        config = settings(Settings, kafka=broker.address, broker_durable=False)
        async with serve(build(config)) as sends:
            store: Store = sends.service.store
            for number in range(10):
                _clock_that_is(monkeypatch, -number * 60)
                await _publish(store, "chair", number)
            await eventually(lambda: _none(store, "outbox"))
            broker.kill()
            await broker.start()
            other = settings(Settings, name="other", kafka=broker.address, broker_durable=False)
            async with serve(build(other, recording())) as takes:
                await eventually(lambda: _count(takes.service.store.effects, 10), seconds=25)
                assert await takes.service.store.effects.of("chair") == list(range(10))


async def _none(store, name):
    return await store.collection(name).count({}) == 0


async def test_rows_of_a_version_that_knew_no_order_leave_in_theirs(settings, serve, eventually):
    config = settings(Settings)
    store = await Store(config).start()
    for number in range(6):
        await _publish(store, "chair", number)
    with MongoClient[dict[str, Any]](config.mongodb.get_secret_value()) as client:
        client[config.database]["outbox"].update_many({}, {"$unset": {"order": ""}})
    for number in range(6, 9):
        await _publish(store, "chair", number)
    async with serve(build(config, recording())) as running:
        effects = running.service.store.effects
        await eventually(lambda: _count(effects, 9))
        assert await effects.of("chair") == list(range(9))


async def test_counting_events_conflicts_only_with_others_of_the_same_key(settings):
    store = await Store(settings(Settings)).start()
    await _publish(store, "one", 0)
    async with store.transaction() as tx:
        await tx.publish(ThingMade(thing="one", number=1))
        await _publish(store, "another", 1)
        with pytest.raises(Conflict):
            await _publish(store, "one", 1)


async def test_no_page_holds_a_later_row_without_the_earlier_ones_while_others_commit(settings):
    store = await Store(settings(Settings)).start()
    keys = [f"key-{n}" for n in range(4)]
    reader, writing = Backlog(store), asyncio.Event()
    read_at_least_once: set[str] = set()

    async def writes(key: str) -> None:
        for number in range(60):
            await _publish(store, key, number)

    async def reads() -> None:
        while not writing.is_set():
            page = await reader.read({rows.shard_of(key) for key in keys}, NOBODY)
            for key in keys:
                found = [row["order"] for row in page.rows if row["key"] == key]
                assert found == [rows.order_of(nth, 0) for nth in range(1, len(found) + 1)]
                read_at_least_once.update([key] if found else [])

    reading = asyncio.gather(reads(), reads())
    await asyncio.gather(*(writes(key) for key in keys))
    writing.set()
    await reading
    assert read_at_least_once == set(keys)


async def test_of_a_backlog_larger_than_a_page_every_key_gets_its_turn_and_none_is_torn(settings, monkeypatch):
    monkeypatch.setattr(backlog, "PAGE", 100)
    store = await Store(settings(Settings)).start()
    shard = rows.shard_of("old")
    fresh = [key for key in (f"fresh-{n}" for n in range(8000)) if rows.shard_of(key) == shard]
    async with store.transaction() as tx:
        await tx.publish(*(ThingMade(thing="old", number=number, sequence=1000 + number) for number in range(3)))
    for at in range(0, len(fresh), 100):
        async with store.transaction() as tx:
            await tx.publish(*(ThingMade(thing=key, number=number, sequence=number) for key in fresh[at : at + 100] for number in (1, 2)))
    reader = Backlog(store)
    seen: dict[str, list[str]] = defaultdict(list)
    met_old_after = 0
    for look in range(1, 20):
        page = await reader.read({shard}, NOBODY)
        for row in page.rows:
            seen[row["key"]].append(row["order"])
        await store.collection("outbox").delete_many({"_id": {"$in": [row["_id"] for row in page.rows]}})
        if "old" in seen:
            met_old_after = look
            break
    assert 1 <= met_old_after <= 2 * backlog.FAIR_EVERY
    assert seen["old"] == [rows.order_of(1000 + number, 0 + number) for number in range(3)]
    for key in fresh:
        assert [order[:20] for order in seen[key]] == [f"{number:020d}" for number in range(1, len(seen[key]) + 1)]


async def test_the_relay_hands_a_key_to_the_broker_in_order_though_pages_are_small(settings, serve, eventually, monkeypatch):
    monkeypatch.setattr(backlog, "PAGE", 50)
    config = settings(Settings)
    store = await Store(config).start()
    for at in range(40):
        async with store.transaction() as tx:
            await tx.publish(*(ThingMade(thing=f"key-{n}", number=at) for n in range(10)))
    async with serve(build(config, recording())) as running:
        effects = running.service.store.effects
        await eventually(lambda: _count(effects, 400), seconds=40)
        for n in range(10):
            assert await effects.of(f"key-{n}") == list(range(40))
