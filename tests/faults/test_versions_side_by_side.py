"""An old and a new replica of a process run side by side: the new one does what the old one does not know, and nothing happens twice."""

import asyncio

import pytest

from tests.shared.test_process import Painter, build, process
from tests.shared.thing import Settings, Store, ThingMade

THINGS = [f"thing-{number}" for number in range(12)]


@pytest.mark.timeout(180)
async def test_commands_that_only_the_new_replica_knows_are_carried_out_once(settings, serve, eventually):
    old, new, painter = process(knows_paint=False), process(), Painter()
    async with serve(build(settings(Settings), old, Painter())) as one, serve(build(settings(Settings), new, painter)):
        store: Store = one.service.store
        for thing in THINGS:
            async with store.transaction() as tx:
                await tx.publish(ThingMade(thing=thing))

        async def done() -> bool:
            states = await asyncio.gather(*(new.state(store, thing) for thing in THINGS))
            return all(state is not None and len(state.colours) == 2 for state in states)

        await eventually(done, seconds=90)
        assert len(painter.calls) == 2 * len(THINGS)
        assert len({key for _, key in painter.calls}) == 2 * len(THINGS)
        assert await store.collection("commands").count({}) == 0
