"""kill -9 of the relay while the broker refuses some events: others arrive once and in order; refused ones wait for an operator."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shared.outbox.sender import LONGEST_RECORD
from shared.outbox.unsent import UnsentMessages
from tests.shared.test_unsent import Described
from tests.shared.thing import Settings, Store, ThingMade, environment

KEYS, EACH, KILLS = 10, 20, 4
SEED = 2026


@asynccontextmanager
async def _service(config: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.shared.thing", env=environment(config))
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def _commit(store: Store) -> None:
    """Commit events; every third key has one in the middle that no broker accepts."""
    for number in range(EACH):
        for key in range(KEYS):
            async with store.transaction() as tx:
                if key % 3 == 0 and number == EACH // 2:
                    await tx.publish(Described(thing=f"key-{key}", text="x" * LONGEST_RECORD))
                await tx.publish(ThingMade(thing=f"key-{key}", number=number))


async def _are(store: Store, wanted: dict[str, list[int]]) -> bool:
    return {key: await store.effects.of(key) for key in wanted} == wanted


@pytest.mark.timeout(400)
async def test_refused_events_hold_back_their_keys_alone_though_the_relay_is_killed(settings, eventually):
    chance = random.Random(SEED)
    config = settings(Settings, instance="one")
    store = await Store(config).start()
    committing = asyncio.create_task(_commit(store))
    for _ in range(KILLS):
        async with _service(config) as child:
            await asyncio.sleep(chance.uniform(1, 5))
            child.kill()
            await child.wait()
    await committing
    everything, half = list(range(EACH)), list(range(EACH // 2))
    refused_keys = {f"key-{key}" for key in range(0, KEYS, 3)}
    async with _service(config):
        wanted = {f"key-{key}": half if f"key-{key}" in refused_keys else everything for key in range(KEYS)}
        await eventually(lambda: _are(store, wanted), seconds=120)
        unsent = UnsentMessages(store)
        await eventually(lambda: _count(unsent, len(refused_keys)), seconds=60)
        heads = [message for message in await unsent.list() if message.state == "refused"]
        assert {message.key for message in heads} == refused_keys
        for head in heads:
            short = Described(thing=head.key, text="short", sequence=EACH // 2 + 1)
            await unsent.retry(head.id, value=short.model_dump_json().encode())
        await eventually(lambda: _are(store, {f"key-{key}": everything for key in range(KEYS)}), seconds=120)
        assert await unsent.count() == {"refused": 0, "waiting": 0}


async def _count(unsent: UnsentMessages, refused: int) -> bool:
    return (await unsent.count())["refused"] == refused
