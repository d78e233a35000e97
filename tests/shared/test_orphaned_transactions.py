"""Transactions of a killed process are aborted, so that others can write their rows."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shared.mongo import Conflict
from shared.mongo.orphaned_transactions import OrphanedTransactions
from shared.presence import DEAD_AFTER, HEARTBEAT_SECONDS, Presence
from tests.shared.thing import Settings, Store, build, environment


@asynccontextmanager
async def _holder(config: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.shared.holder", env=environment(config), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        assert await asyncio.wait_for(child.stdout.readline(), 20) == b"held\n"
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def _makes_held(store: Store) -> bool:
    try:
        async with store.transaction() as tx:
            await tx.things.insert("held", 2)
    except Conflict:
        return False
    return True


async def test_rows_that_a_killed_process_held_can_be_written_within_ten_seconds(settings, serve, eventually):
    async with serve(build(settings(Settings, instance="second"))) as second, _holder(settings(Settings, instance="first")) as child:
        store: Store = second.service.store
        assert not await _makes_held(store)
        child.kill()
        assert DEAD_AFTER + 2 * HEARTBEAT_SECONDS < 10, "the promise; the deadline below leaves a busy machine more"
        await eventually(lambda: _makes_held(store), seconds=20)
        assert await store.things.all() == [{"_id": "held", "number": 2}]


async def test_a_restart_undoes_at_once_what_the_process_before_it_left_open(settings, serve):
    async with _holder(settings(Settings, instance="first")) as child:
        child.kill()
        await child.wait()
        async with serve(build(settings(Settings, instance="first"))) as again:
            assert await _makes_held(again.service.store)


async def test_a_process_that_lives_keeps_what_it_holds(settings, serve):
    async with serve(build(settings(Settings, instance="second"))) as second, _holder(settings(Settings, instance="first")):
        until = time.monotonic() + DEAD_AFTER + 2
        while time.monotonic() < until:
            assert not await _makes_held(second.service.store)
            await asyncio.sleep(0.2)


async def test_a_paused_process_finds_its_transaction_gone_and_continues_with_the_next(settings):
    now = [0.0]
    store, other = await Store(settings(Settings)).start(), await Store(settings(Settings)).start()
    await store.presence.start()
    observer = Presence(other.collection("live_processes"), "observer", lambda: now[0])
    OrphanedTransactions(other._database, observer)
    await observer.start()

    async def is_paused() -> None:
        async with store.transaction() as tx:
            await tx.things.insert("one", 1)
            now[0] += DEAD_AFTER
            assert await observer.heartbeat() == 1
            await tx.things.insert("two", 2)

    with pytest.raises(Conflict):
        await is_paused()
    assert await store.things.all() == []
    await store.presence.heartbeat()
    assert len(await store.collection("live_processes").find({"instance": store.settings.instance})) == 1
    async with store.transaction() as tx:
        await tx.things.insert("three", 3)
    assert [row["_id"] for row in await store.things.all()] == ["three"]


async def test_a_graceful_stop_leaves_no_row(settings, serve):
    async with serve(build(settings(Settings))) as running:
        await _makes_held(running.service.store)
        rows = Store(settings(Settings)).collection("live_processes")
        assert await rows.count({}) == 1
    assert await rows.count({}) == 0
