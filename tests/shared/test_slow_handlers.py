"""A slow handler delays only messages of its own key, even when its process dies."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from shared.bus import Envelope, EventRouter
from shared.bus.dead_letters import DeadLetters
from tests.shared.thing import Settings, Store, ThingMade, Tx, build, environment

SLOW = "slow"


def _consumer(gate: asyncio.Event, begun: list[int], **options: Any) -> EventRouter:
    """Return a consumer that records each thing; those named `slow` first wait for the event `gate`."""
    router = EventRouter("slow", **options)

    @router.subscriber(ThingMade)
    async def record(event: ThingMade, about: Envelope, tx: Tx) -> None:
        if event.thing.startswith(SLOW):
            begun.append(event.number)
            await gate.wait()
        if event.thing == "slow poison":
            raise ValueError("it is poison")
        await tx.effects.add(event.thing, event.number, about.id)

    return router


async def _publish(store: Store, thing: str, numbers: range) -> None:
    for number in numbers:
        async with store.transaction() as tx:
            await tx.publish(ThingMade(thing=thing, number=number))


def _effects(store: Store, thing: str, numbers: range) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return await store.effects.of(thing) == list(numbers)

    return check


async def test_other_keys_and_later_batches_flow_while_a_handler_runs(settings, serve, eventually):
    gate, begun = asyncio.Event(), list[int]()
    service = build(settings(Settings, partitions=1), _consumer(gate, begun))
    async with serve(service):
        store: Store = service.store
        await _publish(store, SLOW, range(3))
        await eventually(lambda: begun, seconds=20)
        for batch in range(3):
            await _publish(store, f"other {batch}", range(5))
            await eventually(_effects(store, f"other {batch}", range(5)), seconds=20)
        assert await store.effects.of(SLOW) == []
        await _publish(store, SLOW, range(3, 5))
        gate.set()
        await eventually(_effects(store, SLOW, range(5)), seconds=20)
        assert begun == list(range(5))
        await eventually(lambda: _none_parked(store))


async def _none_parked(store: Store) -> bool:
    return await store.collection("parked").count({}) == 0


async def test_a_slow_retry_delays_no_other_retry(settings, serve, eventually):
    gate, begun = asyncio.Event(), list[int]()
    router = EventRouter("slow", first_pause=0.05)

    @router.subscriber(ThingMade)
    async def record(event: ThingMade, about: Envelope, tx: Tx) -> None:
        if await tx.collection("allowed").find_one({"_id": "all"}) is None:
            raise RuntimeError("not yet")
        if event.thing == SLOW:
            begun.append(event.number)
            await gate.wait()
        await tx.effects.add(event.thing, event.number, about.id)

    service = build(settings(Settings), router)
    async with serve(service):
        store: Store = service.store
        things = [SLOW, *(f"other {number}" for number in range(5))]
        for thing in things:
            await _publish(store, thing, range(2))
        await eventually(lambda: _parked(store, 2 * len(things)), seconds=20)
        await store.collection("allowed").insert_one({"_id": "all"})
        for thing in things[1:]:
            await eventually(_effects(store, thing, range(2)), seconds=20)
        await eventually(lambda: begun, seconds=20)
        assert await store.effects.of(SLOW) == []
        gate.set()
        await eventually(_effects(store, SLOW, range(2)), seconds=20)


async def _parked(store: Store, count: int) -> bool:
    return await store.collection("parked").count({"state": "parked"}) == count


async def test_a_slow_handler_that_fails_is_tried_again_and_dies_like_any_other(settings, serve, eventually):
    gate, begun = asyncio.Event(), list[int]()
    service = build(settings(Settings), _consumer(gate, begun, attempts=2, first_pause=0.05))
    async with serve(service):
        store: Store = service.store
        await _publish(store, "slow poison", range(2))
        await eventually(lambda: _parked(store, 2), seconds=20)
        gate.set()
        letters = DeadLetters(store)
        await eventually(lambda: _dead(letters, 2), seconds=20)
        assert [(letter.attempts, letter.error) for letter in await letters.list()] == [(2, "ValueError: it is poison")] * 2
        assert begun == [0, 0, 1, 1]


async def _dead(letters: DeadLetters, count: int) -> bool:
    return len(await letters.list()) == count


async def test_a_handler_that_cancels_itself_has_failed(settings, serve, eventually):
    router = EventRouter("cancelling", attempts=1, first_pause=0.05)

    @router.subscriber(ThingMade)
    async def cancel(_event: ThingMade, _about: Envelope, _tx: Tx) -> None:
        raise asyncio.CancelledError

    service = build(settings(Settings), router)
    async with serve(service):
        await _publish(service.store, "any", range(1))
        letters = DeadLetters(service.store)
        await eventually(lambda: _dead(letters, 1), seconds=20)


@pytest.mark.parametrize("instance", ["another", "killed"])
async def test_a_message_whose_slow_handler_was_killed_is_taken_by_who_comes_next(settings, serve, eventually, instance):
    """`killed`: the same replica restarts; `another`: a replica beside it takes over."""
    config = settings(Settings, instance="killed", partitions=1)
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.shared.slow_thing", env=environment(config))
    store = Store(config)
    try:
        await eventually(lambda: store.collection("begun").count({}), seconds=30)
        await eventually(lambda: _parked(store, 3), seconds=20)
    finally:
        child.kill()
        await child.wait()
        await store.close()
    gate, begun = asyncio.Event(), list[int]()
    gate.set()
    service = build(settings(Settings, instance=instance, partitions=1), _consumer(gate, begun))
    async with serve(service):
        await eventually(_effects(service.store, SLOW, range(3)), seconds=40)
        await eventually(lambda: _none_parked(service.store))
