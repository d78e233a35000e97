"""Parked rows and dead letters: order under any clock, discarding, mending, and their telemetry."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import getrandbits
from typing import Any
from uuid import UUID

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import shared.events
from contracts.events.platform import MessageDeadLettered
from shared import clock, telemetry
from shared.bus import Envelope, EventRouter, PermanentError
from shared.bus.dead_letters import AmbiguousIdError, DeadLetters, NoSuchDeadLetterError, short_ids
from shared.bus.delivery import Delivery, Repeated, deliver
from shared.bus.parking import Parking
from shared.events import new_id
from shared.mongo import Conflict
from tests.shared.thing import Settings, Store, ThingMade, Tx, build, recording
from tests.support.kafka import client_options
from tests.support.odd_records import Odd, record, send
from tests.support.published_events import published

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def _delivery(event: ThingMade, *, id_: str | None = None, source: str = "urn:test") -> Delivery:
    envelope = Envelope(id=id_ or new_id(), type=event.event_type, source=source, time=NOW, traceparent=TRACEPARENT)
    return Delivery.read(event.topic, event.key.encode(), event.model_dump_json().encode(), envelope.headers())


@pytest.fixture
async def store(settings):
    made = await Store(settings(Settings)).start()
    yield made
    await made.close()


@contextmanager
def _clock(at: datetime) -> Iterator[None]:
    """Set this process's time, also for new ids."""
    with clock.at(at), pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared.events, "uuid7", lambda: UUID(int=int(at.timestamp() * 1000) << 80 | 7 << 76 | 2 << 62 | getrandbits(62)))
        yield


async def test_parked_messages_keep_their_order_under_replicas_whose_clocks_differ(store, eventually):
    order: list[int] = []
    router = EventRouter("ordered")

    @router.subscriber(ThingMade)
    async def note(event: ThingMade, _about: Envelope, _tx: Tx) -> None:
        order.append(event.number)

    ahead, behind = Parking(store, router), Parking(store, router)
    for number in range(8):
        with _clock(NOW if number % 2 else NOW + timedelta(hours=1)):
            await (ahead, behind)[number % 2].park(_delivery(ThingMade(thing="key", number=number)), None)
    with _clock(NOW + timedelta(hours=2)):
        behind.worker.start()
        await eventually(lambda: _is(store, "parked", 0))
        await behind.stop()
    assert order == list(range(8))


async def _is(store: Store, collection: str, count: int) -> bool:
    return await store.collection(collection).count({}) == count


async def test_rows_that_were_parked_before_places_come_first_in_their_old_order(store, eventually):
    order: list[int] = []
    router = EventRouter("ordered")

    @router.subscriber(ThingMade)
    async def note(event: ThingMade, _about: Envelope, _tx: Tx) -> None:
        order.append(event.number)

    parking = Parking(store, router)
    for number in (2, 3, 0, 1, 4):
        await parking.park(_delivery(ThingMade(thing="key", number=number)), None)
    rows = await store.collection("parked").find({}, sort=[("place", 1)])
    for row, number in zip(rows[:4], (2, 3, 0, 1), strict=True):  # the format of an earlier version: order by time, key as text
        row.update(_id=f"ordered:{new_id()}", order=f"0190-{number}")
        del row["place"], row["raw_key"], row["partition"], row["offset"]
        await store.collection("parked").insert_one(row)
    await store.collection("parked").delete_many({"place": {"$lt": 5}, "order": {"$exists": False}})
    parking.worker.start()
    await eventually(lambda: _is(store, "parked", 0))
    await parking.stop()
    assert order == [0, 1, 2, 3, 4]


async def test_one_id_from_two_sources_names_two_events(store):
    router, id_ = recording(), new_id()
    for number, source in enumerate(("urn:one", "urn:two")):
        await deliver(store, router, _delivery(ThingMade(thing="same id", number=number), id_=id_, source=source))
    assert await store.effects.of("same id") == [0, 1]
    with pytest.raises(Repeated):
        await deliver(store, router, _delivery(ThingMade(thing="same id", number=2), id_=id_, source="urn:two"))


async def test_an_event_that_was_handled_before_inboxes_knew_sources_takes_no_effect_again(settings, serve, eventually):
    config = settings(Settings, partitions=1)
    service = build(config, recording())
    await service.store.start()
    await service.store.collection("inbox").insert_one({"_id": "recorder:handled-before", "at": clock.now()})
    async with serve(service):
        topic = f"{config.topic_prefix}{ThingMade.topic}"
        again = record(ThingMade(thing="again", number=1), id_="handled-before", source="urn:london-blocks:thing")
        await send(client_options(config), topic, [again, record(ThingMade(thing="new", number=1))])
        await eventually(lambda: service.store.effects.of("new"), seconds=20)
        assert await service.store.effects.of("again") == []


async def test_what_was_discarded_takes_no_effect_when_it_comes_again(settings, serve, eventually):
    config = settings(Settings, partitions=1)
    service = build(config, recording(attempts=1))
    topic = f"{config.topic_prefix}{ThingMade.topic}"
    poison, garbage = record(ThingMade(thing="poison", number=1)), Odd(b"garbage", b"no event")
    async with serve(service):
        store: Store = service.store
        letters = DeadLetters(store)
        await send(client_options(config), topic, [poison, garbage])
        await eventually(lambda: _dead(letters, 2), seconds=20)
        for letter in await letters.list():
            await letters.discard(letter.id)
        await send(client_options(config), topic, [poison, garbage, record(ThingMade(thing="later", number=1))])
        await eventually(lambda: store.effects.of("later"), seconds=20)
        await _publish_and_wait(store, eventually)
        assert await letters.list() == []
        assert await letters.count() == {"parked": 0, "dead": 0}


async def _dead(letters: DeadLetters, count: int) -> bool:
    return len(await letters.list()) == count


async def _publish_and_wait(store: Store, eventually: Any) -> None:
    async with store.transaction() as tx:
        await tx.publish(ThingMade(thing="last", number=1))
    await eventually(lambda: store.effects.of("last"), seconds=20)


async def test_replay_mends_headers_as_well_as_the_value(settings, serve, eventually):
    config = settings(Settings, partitions=1)
    service = build(config, recording())
    topic = f"{config.topic_prefix}{ThingMade.topic}"
    async with serve(service):
        store: Store = service.store
        letters = DeadLetters(store)
        broken = record(ThingMade(thing="mended", number=1), ("ce_specversion", b"0.3"), ("ce_type", b""), ("note", b"kept"))
        await send(client_options(config), topic, [broken])
        await eventually(lambda: _dead(letters, 1), seconds=20)
        [letter] = await letters.list()
        await letters.replay(
            letter.digits[:12], headers={"ce_specversion": b"1.0", "ce_type": ThingMade.event_type.encode(), "ce_time": None}
        )
        await eventually(lambda: store.effects.of("mended"), seconds=20)
        assert await letters.count() == {"parked": 0, "dead": 0}
        await send(client_options(config), topic, [broken])
        await _publish_and_wait(store, eventually)
        assert await letters.list() == []


async def test_a_beginning_of_an_id_names_a_dead_letter_where_it_names_one_alone(store):
    parking = Parking(store, recording())
    for number in range(3):
        await parking.park(_delivery(ThingMade(thing=f"key {number}", number=number)), PermanentError("no"))
    letters = DeadLetters(store)
    found = await letters.list()
    for id_, short in short_ids(found).items():
        assert len(short) == 12
        assert (await letters.show(short)).id == id_
    twin = {**(await store.collection("parked").find({}))[0], "_id": found[0].id[:-20] + "0" * 20, "place": 9}
    await store.collection("parked").insert_one(twin)
    with pytest.raises(AmbiguousIdError):
        await letters.show(found[0].digits[:12])
    assert len(set(short_ids(await letters.list()).values())) == 4
    for unknown in ("", "0", "recorder:", ".*"):
        with pytest.raises((NoSuchDeadLetterError, AmbiguousIdError)):
            await letters.discard(unknown if unknown != "0" else "f" * 33)


async def test_a_dead_letter_belongs_to_the_trace_of_its_message(settings, serve, eventually):
    config = settings(Settings, partitions=1)
    service = build(config, recording())
    topic = f"{config.topic_prefix}{ThingMade.topic}"
    headers = (("traceparent", TRACEPARENT.encode()), ("tracestate", b"other=1"))
    async with serve(service):
        letters = DeadLetters(service.store)
        bad = record(ThingMade(thing="any", number=1), *headers, ("ce_borough", b"E09000012"))
        await send(client_options(config), topic, [Odd(bad.key, b"{}", bad.headers), Odd(b"key", b"", headers)])
        await eventually(lambda: _dead(letters, 2), seconds=20)
        assert {letter.trace_id for letter in await letters.list()} == {TRACE}
        about = [event.about for event in await published(service) if event.about.type == MessageDeadLettered.event_type]
    assert [(one.traceparent or "").split("-")[1] for one in about] == [TRACE, TRACE]
    caused = [one for one in about if one.causation_id]
    assert [(one.borough, one.tracestate, one.causation_id) for one in caused] == [("E09000012", "other=1", _id_of(bad))]


def _id_of(odd: Odd) -> str:
    return next((value or b"").decode() for name, value in odd.headers if name == "ce_id")


async def test_the_log_line_of_parking_names_message_trace_and_reason_and_quotes_nothing(store, caplog):
    person = "zdenicka.quillfeather@example.com"
    parking = Parking(store, recording())
    named, unnamed = _delivery(ThingMade(thing="key")), _delivery(ThingMade(thing="key two"), id_=person)
    with caplog.at_level(logging.INFO):
        await parking.park(named, ValueError(f"cannot write to {person}"))
        await parking.park(unnamed, PermanentError("the payload does not fit ThingMade: thing (missing)"))
    lines = [telemetry._JsonLines("thing").format(entry) for entry in caplog.records if entry.name == "shared.bus.parking"]
    first, second = (json.loads(line) for line in lines)
    assert named.envelope is not None
    assert all(part in first["message"] for part in (named.envelope.id, TRACE, "ValueError", "parked"))
    assert all(part in second["message"] for part in (unnamed.identity, TRACE, "does not fit ThingMade: thing", "dead"))
    assert person not in "".join(lines)


async def test_a_conflict_is_no_error_and_a_span_names_message_and_place(store, monkeypatch):
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("test"))
    states: list[str] = []
    router = EventRouter("conflicting")

    @router.subscriber(ThingMade)
    async def conflict(_event: ThingMade, _about: Envelope, _tx: Tx) -> None:
        states.append(trace.get_current_span().get_span_context().trace_state.to_header())
        raise Conflict("another was first")

    event = ThingMade(thing="key")
    envelope = Envelope(
        id=new_id(), type=event.event_type, source="urn:test", traceparent=TRACEPARENT, tracestate="rojo=00f067aa0ba902b7,congo=t61"
    )
    kafka_record = _Record("thing.things", 2, 41, b"key", event.model_dump_json().encode(), envelope.headers())
    with pytest.raises(Conflict):
        await deliver(store, router, Delivery.of_record(kafka_record))
    [span] = exporter.get_finished_spans()
    attributes = dict(span.attributes or {})
    assert span.status.is_ok
    assert "error.type" not in attributes
    assert attributes["blocks.conflict"] is True
    assert attributes["messaging.message.id"] == envelope.id
    assert attributes["messaging.destination.partition.id"] == "2"
    assert attributes["messaging.kafka.offset"] == 41
    assert states == ["rojo=00f067aa0ba902b7,congo=t61"]


class _Record:
    def __init__(self, *parts: Any) -> None:
        self.topic, self.partition, self.offset, self.key, self.value, self.headers = parts
