"""SIGTERM ends a service in about ten seconds, though its broker or its database hangs: unfinished work is redelivered or taken over."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from deploy.embedded.engines import Database, Tansu
from shared.service import STOP_SECONDS
from tests.conftest import ENGINE
from tests.shared.thing import Settings, Store, ThingMade, environment

MARGIN_SECONDS = 8.0
"""For a busy machine. A service that waits for its frozen engine would never stop in this test."""


@asynccontextmanager
async def _running(config: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.shared.thing", env=environment(config))
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def _consumes(config: Settings) -> bool:
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{config.port}", timeout=5) as http:
            return bool((await http.get("/ready")).json().get("consuming"))
    except httpx.HTTPError:
        return False


async def _publish(store: Store, count: int) -> None:
    for number in range(count):
        async with store.transaction() as tx:
            await tx.publish(ThingMade(thing=f"thing-{number % 7}", number=number))


async def _count(store: Store, number: int) -> bool:
    return await store.effects.count() == number


@pytest.mark.timeout(400)
@pytest.mark.parametrize("frozen", ["broker", "database", "nothing"])
async def test_a_service_stops_in_time_whatever_hangs_and_loses_nothing(settings, eventually, tmp_path: Path, frozen: str):
    async with Database("fast" if ENGINE == "fast" else "python", tmp_path / "database") as database, Tansu() as broker:
        config = settings(
            Settings,
            mongodb=SecretStr(database.address),
            kafka=broker.address,
            **broker.access.as_settings(),
            broker_durable=False,
            instance="one",
        )
        store = await Store(config).start()
        async with _running(config) as child:
            await eventually(lambda: _consumes(config), seconds=90)
            await _publish(store, 20)
            await eventually(lambda: _count(store, 20), seconds=90)
            victim = {"broker": broker, "database": database}.get(frozen)
            if victim is not None:
                os.kill(victim.pid, signal.SIGSTOP)
            try:
                if frozen == "broker":
                    await _publish(store, 20)
                await asyncio.sleep(1)
                child.send_signal(signal.SIGTERM)
                began = time.monotonic()
                assert await asyncio.wait_for(child.wait(), 60) == 0
                took = time.monotonic() - began
            finally:
                if victim is not None:
                    os.kill(victim.pid, signal.SIGCONT)
            assert took < STOP_SECONDS + MARGIN_SECONDS, f"{took:.1f} s"
            expected = 40 if frozen == "broker" else 20
        async with _running(config):
            await _publish(store, 5)
            await eventually(lambda: _count(store, expected + 5), seconds=90)
