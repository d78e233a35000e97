"""A process moves by events, by what its commands bring back, and by time; its commands survive failures."""

import asyncio
from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from contracts.events.base import Event, Key
from shared import clock
from shared.process import CommandContext, Next, Process
from shared.service import Service
from tests.shared.thing import Settings, Store, ThingMade


class Painted(Event, type="thing.thing.painted", version=1, topic="thing.things"):
    """A local outcome: the paint is on."""

    thing: str = Key()
    colour: str


class Finished(Event, type="thing.thing.finished", version=1, topic="thing.finished"):
    """Published when all is done."""

    thing: str = Key()


class Making(BaseModel):
    """How far the making of a thing has got."""

    model_config = ConfigDict(frozen=True)

    thing: str
    colours: tuple[str, ...] = ()
    late: bool = False


class Paint(BaseModel):
    """A command."""

    model_config = ConfigDict(frozen=True)

    thing: str
    colour: str


class Painter:
    """An adapter that fails as often and takes as long as it is told to, and remembers what it was asked."""

    def __init__(self, failures: int = 0, seconds: float = 0.0) -> None:
        self.failures = failures
        self.seconds = seconds
        self.calls: list[tuple[str, str]] = []

    async def paint(self, colour: str, key: str) -> None:
        self.calls.append((colour, key))
        await asyncio.sleep(self.seconds)
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the painter is out")


def process() -> Process[Making]:
    """Two coats, then done."""
    making = Process("making", Making)

    @making.starts(ThingMade)
    def begin(event: ThingMade) -> Next[Making]:
        return Next(Making(thing=event.thing), Paint(thing=event.thing, colour="red"), Paint(thing=event.thing, colour="blue"))

    @making.on(Painted, finds=lambda event: event.thing)
    def painted(state: Making, event: Painted) -> Next[Making]:
        if event.colour in state.colours:
            return Next(state)
        after = state.model_copy(update={"colours": (*state.colours, event.colour)})
        return Next(after, Finished(thing=state.thing), ended=True) if len(after.colours) == 2 else Next(after)

    @making.overdue(hours=24)
    def chase(state: Making) -> Next[Making]:
        return Next(state.model_copy(update={"late": True}))

    @making.does(Paint)
    async def paint(command: Paint, context: CommandContext) -> Painted:
        await context.tool(Painter).paint(command.colour, context.command_id)
        return Painted(thing=command.thing, colour=command.colour)

    return making


def build(settings: Settings, making: Process[Making], painter: Painter) -> Service:
    """A service that runs the process."""
    store = Store(settings)
    return Service(
        "thing", settings, store=store, consumes=[making.consumes], workers=making.workers(store, painter), publishes=[ThingMade, Finished]
    )


async def _start(store: Store, thing: str = "chair") -> None:
    async with store.transaction() as tx:
        await tx.publish(ThingMade(thing=thing))


async def test_commands_move_the_process_to_its_end_and_are_gone(settings, serve, eventually):
    making, painter = process(), Painter()
    async with serve(build(settings(Settings), making, painter)) as running:
        store: Store = running.service.store
        await _start(store)

        async def ended() -> bool:
            row = await store.collection("processes").find_one({})
            return bool(row and row["ended"])

        await eventually(ended)
        state = await making.state(store, "chair")
        assert state is not None
        assert set(state.colours) == {"red", "blue"}
        assert await store.collection("commands").count({}) == 0
        assert sorted(colour for colour, _ in painter.calls) == ["blue", "red"]


async def test_a_command_that_fails_is_tried_again_with_the_same_id(settings, serve, eventually):
    making, painter = process(), Painter(failures=2)
    async with serve(build(settings(Settings), making, painter)) as running:
        store: Store = running.service.store
        await _start(store)

        async def both() -> bool:
            state = await making.state(store, "chair")
            return state is not None and len(state.colours) == 2

        await eventually(both, seconds=20)
        assert len(painter.calls) == 4
        assert len({key for _, key in painter.calls}) == 2


async def test_what_was_not_carried_out_when_a_service_stopped_is_carried_out_by_the_next(settings, serve, eventually):
    making, broken = process(), Painter(failures=1000)
    async with serve(build(settings(Settings), making, broken)) as running:
        await _start(running.service.store)

        async def tried() -> bool:
            return len(broken.calls) >= 2

        await eventually(tried)
    again, painter = process(), Painter()
    async with serve(build(settings(Settings), again, painter)) as running:
        store: Store = running.service.store
        await store.collection("commands").update_many({}, {"$set": {"due": clock.now()}})

        async def both() -> bool:
            state = await again.state(store, "chair")
            return state is not None and len(state.colours) == 2

        await eventually(both, seconds=20)
        assert {key for _, key in painter.calls} == {key for _, key in broken.calls}


async def test_what_a_dead_process_was_carrying_out_is_taken_over_within_ten_seconds(settings, serve, eventually):
    making, endless = process(), Painter(seconds=3600)
    async with serve(build(settings(Settings), making, endless)) as running:
        await _start(running.service.store)
        await eventually(lambda: len(endless.calls) == 2)
    # The stop has cancelled both calls: their commands are held as a killed process would have left them.
    again, painter = process(), Painter()
    async with serve(build(settings(Settings), again, painter)) as running:
        store: Store = running.service.store

        async def both() -> bool:
            state = await again.state(store, "chair")
            return state is not None and len(state.colours) == 2

        await eventually(both, seconds=10)
        assert sorted(painter.calls) == sorted(endless.calls)


async def test_a_command_that_takes_longer_than_its_lease_is_carried_out_by_one_replica(settings, serve, eventually, monkeypatch):
    monkeypatch.setattr("shared.process.LEASE_SECONDS", 1.5)
    one, two = Painter(seconds=5), Painter(seconds=5)
    making, other = process(), process()
    async with serve(build(settings(Settings), making, one)) as running, serve(build(settings(Settings), other, two)):
        store: Store = running.service.store
        await _start(store)

        async def both() -> bool:
            state = await making.state(store, "chair")
            return state is not None and len(state.colours) == 2

        await eventually(both, seconds=25)
        assert sorted(colour for colour, _ in one.calls + two.calls) == ["blue", "red"]


async def test_an_instance_that_does_not_end_is_chased_once(settings, serve, eventually):
    making, painter = process(), Painter(failures=1000)
    async with serve(build(settings(Settings), making, painter)) as running:
        store: Store = running.service.store
        await _start(store)
        await eventually(lambda: store.collection("processes").count({}))
        began = clock.now()
        with clock.at(lambda: began + timedelta(hours=25)):

            async def late() -> bool:
                state = await making.state(store, "chair")
                return state is not None and state.late

            await eventually(late, seconds=15)
            (row,) = await store.collection("processes").find({})
        assert row["version"] == 2
