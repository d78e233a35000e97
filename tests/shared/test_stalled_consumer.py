"""A consumer that stops reading, or whose commits hang, without an error still handles its messages."""

import asyncio
from typing import Any

import pytest

from shared.bus import receiver, stall
from tests.shared.thing import Settings, ThingMade, build, recording


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stall, "LOOK_EVERY_SECONDS", 1.0)
    monkeypatch.setattr(receiver, "LONGEST_COMMIT_SECONDS", 1.0)


async def _hang(*_: Any, **__: Any) -> None:
    await asyncio.Event().wait()


async def _publish(service, thing):
    async with service.store.transaction() as tx:
        await tx.publish(ThingMade(thing=thing, number=1))


@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize("hanging", ["getmany", "commit"])
async def test_a_hung_consumer_is_replaced_and_its_messages_are_handled(settings, serve, eventually, monkeypatch, hanging):
    service = build(settings(Settings), recording())
    async with serve(service):
        await _publish(service, "before")
        await eventually(lambda: service.store.effects.of("before"))
        [receiving] = service._receivers
        monkeypatch.setattr(receiving._kafka, hanging, _hang)
        for number in range(3):  # the first call may have begun before
            await _publish(service, f"after {number}")
            await eventually(lambda number=number: service.store.effects.of(f"after {number}"), seconds=30)
            assert await service.store.effects.of(f"after {number}") == [1]


@pytest.mark.usefixtures("_soon")
async def test_an_idle_consumer_is_not_replaced(settings, serve, eventually, monkeypatch):
    service = build(settings(Settings), recording())
    async with serve(service):
        await _publish(service, "before")
        await eventually(lambda: service.store.effects.of("before"))
        [receiving] = service._receivers
        consumer = receiving._kafka
        looked: list[bool] = []
        look = receiving._stall._looks_behind

        async def noted(of):
            looked.append(await look(of))
            return looked[-1]

        monkeypatch.setattr(receiving._stall, "_looks_behind", noted)
        await eventually(lambda: _looked(looked), seconds=30)
        assert not any(looked)
        assert receiving._kafka is consumer


async def _looked(looked):
    return len(looked) >= 2
