"""Two replicas, each a process of its own, whose clocks are far apart: a key's events keep their commit order.

libfaketime (Debian's `faketime`) gives one replica's process its own clock. Where it is not installed, this lane says so and is skipped;
tests/shared/test_order.py covers the same with injected clocks.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from tests.shared.thing import Settings, Store, environment

FAKETIME = next((str(path) for path in sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


@asynccontextmanager
async def _replica(config: Settings, clock: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    env = environment(config)
    if clock is not None:
        # The monotonic clock stays the system's: a wrong wall clock does not change how fast time passes.
        env |= {"LD_PRELOAD": str(FAKETIME), "FAKETIME": clock, "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_RESET": "1"}
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.shared.thing", env=env)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{config.port}", timeout=30) as http:
            yield http
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def _is_ready(http: httpx.AsyncClient) -> bool:
    try:
        return bool((await http.get("/ready")).json()["ready"])
    except httpx.HTTPError:
        return False


async def _clock(http: httpx.AsyncClient) -> datetime:
    """Return the time on a replica's clock."""
    return parsedate_to_datetime((await http.get("/live")).headers["date"])


async def _count(store: Store, number: int) -> bool:
    return await store.effects.count() == number


@pytest.mark.skipif(FAKETIME is None, reason="libfaketime is not installed (Debian: faketime)")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("clock", ["+1h", "-2s"])
async def test_two_replicas_whose_clocks_differ_keep_the_order_of_commits(settings, tokens, eventually, clock: str):
    right, wrong = settings(Settings, instance="right"), settings(Settings, instance="wrong")
    store = await Store(right).start()
    headers = tokens.bearer("thing:thing:make", life=3 * 3600, iat=int(time.time()) - 60)
    async with _replica(right) as one, _replica(wrong, clock) as two:
        for http in (one, two):
            await eventually(lambda http=http: _is_ready(http), seconds=90)
        apart = abs((await _clock(one) - await _clock(two)).total_seconds())
        assert apart >= 1, "the clocks are the same"  # the header is rounded to seconds
        made = await one.post("/v1/things", json={"name": "chair", "number": 0}, headers=headers)
        assert made.status_code == 201, made.text
        for number in range(1, 21):
            http = two if number % 2 else one
            counted = await http.post("/v1/things/chair/count", headers=headers)
            assert counted.status_code == 200, counted.text
            assert counted.json()["number"] == number
        await eventually(lambda: _count(store, 21), seconds=90)
    assert await store.effects.of("chair") == list(range(21))
