"""A process advances by events, by results of its commands, and by time; its commands survive failures."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict
from pymongo import MongoClient

from contracts.events.base import Event, Key
from shared import clock, commands
from shared.commands import Commands, MayRepeatError, NoSuchCommandError
from shared.presence import DEAD_AFTER, HEARTBEAT_SECONDS
from shared.process import CommandContext, Next, Process
from shared.service import Service
from shared.settings import STORED_REPLY_DAYS
from tests.shared.thing import Settings, Store, ThingMade
from tests.shared.thing import published as thing_published
from tests.support.published_events import published


class Painted(Event, type="thing.thing.painted", version=1, topic="thing.things"):
    """The outcome of a command."""

    thing: str = Key()
    colour: str


class Finished(Event, type="thing.thing.finished", version=1, topic="thing.finished"):
    """Published at the end of the process."""

    thing: str = Key()


class Making(BaseModel):
    """The state of the process that makes a thing."""

    model_config = ConfigDict(frozen=True)

    thing: str
    colours: tuple[str, ...] = ()
    late: bool = False


class Paint(BaseModel):
    """The command to paint a coat."""

    model_config = ConfigDict(frozen=True)

    thing: str
    colour: str


class Painter:
    """An adapter with a set number of failures and a set duration; it records its calls."""

    def __init__(self, failures: int = 0, seconds: float = 0.0, hangs_for: set[str] | None = None) -> None:
        self.failures = failures
        self.seconds = seconds
        self.hangs_for = hangs_for
        self.calls: list[tuple[str, str]] = []

    async def paint(self, colour: str, key: str) -> None:
        self.calls.append((colour, key))
        if self.hangs_for is None or colour in self.hangs_for:
            await asyncio.sleep(self.seconds)
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the painter is out")


def process(*, knows_paint: bool = True) -> Process[Making]:
    """Return a process of two coats; without painting it is the version before an update."""
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
        if state.thing == "unruly":
            raise ZeroDivisionError
        return Next(state.model_copy(update={"late": True}))

    async def paint(command: Paint, context: CommandContext) -> Painted:
        await context.tool(Painter).paint(command.colour, context.command_id)
        return Painted(thing=command.thing, colour=command.colour)

    if knows_paint:
        making.does(Paint)(paint)
    return making


def build(settings: Settings, making: Process[Making], painter: Painter) -> Service:
    """Build a service that runs the process."""
    store = Store(settings)
    return Service(
        "thing", settings, store=store, events=[thing_published(Finished), making.router], workers=making.workers(store, painter)
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


async def test_a_stopped_services_commands_are_carried_out_by_the_next(settings, serve, eventually):
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


async def test_a_dead_processes_commands_are_taken_over_within_ten_seconds(settings, serve, eventually):
    making, endless = process(), Painter(seconds=3600)
    async with serve(build(settings(Settings), making, endless)) as running:
        await _start(running.service.store)
        await eventually(lambda: len(endless.calls) == 2)
    # The stop cancelled both calls and left their commands claimed, as a kill would.
    again, painter = process(), Painter()
    async with serve(build(settings(Settings), again, painter)) as running:
        store: Store = running.service.store

        async def both() -> bool:
            state = await again.state(store, "chair")
            return state is not None and len(state.colours) == 2

        assert DEAD_AFTER + 2 * HEARTBEAT_SECONDS < 10, "the promise; the deadline below leaves a busy machine more"
        await eventually(both, seconds=20)
        assert sorted(painter.calls) == sorted(endless.calls)


async def test_a_command_that_takes_long_is_carried_out_by_one_replica(settings, serve, eventually, monkeypatch):
    monkeypatch.setattr("shared.presence.SWEEP_SECONDS", 0.5)
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


async def _chair_has_both(making, store):
    state = await making.state(store, "chair")
    return state is not None and len(state.colours) == 2


async def test_an_unreadable_instance_does_not_stop_the_others(settings, serve, eventually):
    making, painter = process(), Painter(failures=1000)
    async with serve(build(settings(Settings), making, painter)) as running:
        store: Store = running.service.store
        for thing in ("broken", "chair", "unruly"):
            await _start(store, thing)
        rows = store.collection("processes")
        await eventually(lambda: _are(rows, 3))
        await rows.update_one({"instance": "broken"}, {"$set": {"state": {"no": "thing"}, "due": clock.now()}})
        began = clock.now()
        with clock.at(lambda: began + timedelta(hours=25)):

            async def late() -> bool:
                state = await making.state(store, "chair")
                return state is not None and state.late

            await eventually(late, seconds=15)
            await eventually(lambda: rows.count({"instance": "broken", "failures": 1, "error": "ValidationError"}))
            broken = await rows.find_one({"instance": "broken"})
            assert broken is not None
            assert broken["due"] > clock.now()


async def _are(rows, number):
    return await rows.count({}) == number


async def test_a_command_that_never_returns_keeps_no_other_waiting(settings, serve, eventually, monkeypatch):
    monkeypatch.setattr("shared.process.COMMANDS_AT_ONCE", 3)
    making, painter = process(), Painter(seconds=3600, hangs_for={"red"})
    async with serve(build(settings(Settings), making, painter)) as running:
        store: Store = running.service.store
        for thing in ("chair", "table"):
            await _start(store, thing)

        async def blue() -> bool:
            states = [await making.state(store, thing) for thing in ("chair", "table")]
            return all(state is not None and state.colours == ("blue",) for state in states)

        await eventually(blue, seconds=20)


async def test_a_replica_leaves_a_command_that_it_does_not_know_to_one_that_does(settings, serve, eventually):
    old, new, painter = process(knows_paint=False), process(), Painter()
    config = settings(Settings)
    async with serve(build(config, old, Painter())) as running:
        store: Store = running.service.store
        await _start(store)
        commands = store.collection("commands")
        await eventually(lambda: _are(commands, 2))
        async with serve(build(settings(Settings), new, painter)):
            await eventually(lambda: _chair_has_both(new, store))
        assert len(painter.calls) == 2
        await _start(store, "table")
        await eventually(lambda: _are(commands, 2))
        with clock.at(clock.now() + timedelta(minutes=5)):
            await old._commands[0]._take()
            later = await commands.find({})
            assert [row["attempts"] for row in later] == [0, 0]
            assert max(row["due"] for row in later) < clock.now()


async def test_a_command_is_tried_for_days_and_then_kept_for_an_operator(settings, serve, eventually):
    making, painter = process(), Painter(failures=1000)
    async with serve(build(settings(Settings), making, painter)) as running:
        store: Store = running.service.store
        await _start(store)
        await eventually(lambda: len(painter.calls) >= 2)
        stored = Commands(store)
        began = clock.now()
        with clock.at(lambda: began + timedelta(days=commands.TRIED_DAYS, minutes=5)):
            await eventually(lambda: _dead(stored, 2), seconds=20)
            tried = len(painter.calls)
            [one, other] = await stored.list_dead()
            assert one.error == "ConnectionError"
            assert tried == len(painter.calls)
            assert (await running.http.get("/ready")).json()["dead_commands"] == 2
            painter.failures = 0
            await stored.release(one.id)
            await eventually(lambda: _dead(stored, 1))
            await stored.discard(other.id)
        with pytest.raises(NoSuchCommandError):
            await stored.release(other.id)
    assert {key for _, key in painter.calls} == {one.id, other.id}


async def _dead(stored, number):
    return await stored.count_dead() == number


async def test_a_command_so_old_that_its_reply_is_forgotten_is_released_only_where_that_is_asked_for(settings):
    store = await Store(settings(Settings)).start()
    await store.collection("commands").insert_one(
        commands.new_row("making", "chair", "Paint", {}) | {"state": commands.DEAD, "due": None, "died_at": clock.now()}
    )
    [dead] = await Commands(store).list_dead()
    with clock.at(dead.created_at + commands.SAFE_TO_REPEAT):
        with pytest.raises(MayRepeatError):
            await Commands(store).release(dead.id)
        await Commands(store).release(dead.id, may_repeat=True)
    assert await Commands(store).count_dead() == 0


def test_a_reply_is_kept_for_longer_than_a_command_is_tried():
    assert commands.TRIED_DAYS < commands.SAFE_TO_REPEAT.days < STORED_REPLY_DAYS


async def test_a_database_of_a_version_that_kept_replies_for_a_day_keeps_them_for_longer(settings):
    config = settings(Settings)
    with MongoClient[dict[str, Any]](config.mongodb.get_secret_value()) as client:
        replies = client[config.database]["idempotency"]
        replies.create_index("at", expireAfterSeconds=24 * 3600)
        await Store(config).start()
        lives = [index["expireAfterSeconds"] for index in replies.list_indexes() if "at" in index["key"]]
    assert lives == [STORED_REPLY_DAYS * 24 * 3600]


async def test_events_of_an_instance_carry_its_version(settings, serve, eventually):
    making = process()
    async with serve(build(settings(Settings), making, Painter())) as running:
        await _start(running.service.store)
        await eventually(lambda: _chair_has_both(making, running.service.store))
        found = [event.about.sequence for event in await published(running.service) if event.about.type == Finished.event_type]
        row = await running.service.store.collection("processes").find_one({})
        assert row is not None
        assert found == [row["version"] + 1]


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
