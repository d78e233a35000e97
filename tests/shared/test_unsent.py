"""An event that the broker never accepts blocks only its own key (or topic), is announced, and can be mended."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    InvalidTopicError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    OutOfOrderSequenceNumber,
    TopicAuthorizationFailedError,
    UnknownError,
)

from contracts.events.base import Event, Key, Order
from contracts.events.platform import LONGEST_NAME, MessageDeadLettered, MessageUnsent
from shared import clock
from shared.outbox import unsent
from shared.outbox.refusal import Verdict, verdict
from shared.outbox.sender import LONGEST_RECORD
from shared.outbox.unsent import FIRST_PAUSE_SECONDS, NoSuchUnsentMessageError, UnsentMessages
from shared.service import Service
from tests.conftest import BROKER
from tests.shared.thing import Settings, Store, ThingMade, build, recording
from tests.support.kafka import client_options
from tests.support.published_events import published

TOO_LARGE = "x" * (LONGEST_RECORD + 1)
on_apache = pytest.mark.skipif(BROKER != "apache", reason="Tansu refuses nothing")


class Described(Event, type="thing.thing.described", version=1, topic="thing.things", order=Order.COUNTER):
    """A thing was described, at any length."""

    thing: str = Key()
    text: str


class Lost(Event, type="unsent.thing.lost", version=1, topic="thing things", order=Order.COUNTER):
    """An event for a topic with an invalid name."""

    thing: str = Key()


class Guarded(Event, type="unsent.thing.guarded", version=1, topic="thing.guarded", order=Order.COUNTER):
    """An event for a topic of its own."""

    thing: str = Key()


async def _publish(store: Store, *events: Event) -> None:
    for event in events:
        async with store.transaction() as tx:
            await tx.publish(event)


async def _waits(store: Store, refused: int, waiting: int) -> bool:
    return await UnsentMessages(store).count() == {"refused": refused, "waiting": waiting}


async def _has(store: Store, thing: str, numbers: list[int]) -> bool:
    return await store.effects.of(thing) == numbers


async def _none(store: Store, name: str) -> bool:
    return await store.collection(name).count({}) == 0


async def _announced(service: Service) -> list[MessageUnsent]:
    events = [event for event in await published(service) if event.about.type == MessageUnsent.event_type]
    return [MessageUnsent.model_validate_json(event.value) for event in events]


async def test_a_refused_event_holds_back_its_key_alone_and_is_announced(settings, serve, eventually):
    service = build(settings(Settings), recording())
    async with serve(service) as running:
        store: Store = service.store
        await _publish(store, ThingMade(thing="big", number=1), Described(thing="big", text=TOO_LARGE))
        for number in range(2, 6):
            await _publish(store, ThingMade(thing="big", number=number), ThingMade(thing="small", number=number))
        await eventually(lambda: _has(store, "small", [2, 3, 4, 5]))
        await eventually(lambda: _waits(store, 1, 4))
        await eventually(lambda: _none(store, "outbox"))
        assert await store.effects.of("big") == [1]
        [announced] = await _announced(service)
        [refused, *waiting] = await UnsentMessages(store).list()
        assert (announced.message, announced.error, announced.whole_topic) == (refused.id, "MessageSizeTooLargeError", False)
        assert (announced.destination, announced.message_type) == (Described.topic, Described.event_type)
        assert (refused.state, refused.key, len(refused.value)) == (
            "refused",
            "big",
            len(Described(thing="big", text=TOO_LARGE, sequence=2).model_dump_json()),
        )
        assert {message.state for message in waiting} == {"waiting"}
        assert (await running.http.get("/ready")).json()["unsent"] == 5
        sent = [event.about.id for event in await published(service) if event.key == "small"]
        assert len(sent) == len(set(sent)) == 4


async def test_a_mended_event_is_sent_and_what_waited_follows_in_order(settings, serve, eventually):
    service = build(settings(Settings), recording())
    async with serve(service):
        store: Store = service.store
        await _publish(store, Described(thing="big", text=TOO_LARGE), *(ThingMade(thing="big", number=number) for number in range(20)))
        await eventually(lambda: _waits(store, 1, 20))
        [refused, first, *_] = await UnsentMessages(store).list()
        with pytest.raises(NoSuchUnsentMessageError):
            await UnsentMessages(store).retry(first.id)
        mended = Described(thing="big", text="short", sequence=1).model_dump_json().encode()
        await UnsentMessages(store).retry(refused.id, value=mended)
        await eventually(lambda: _has(store, "big", list(range(20))))
        await _publish(store, ThingMade(thing="big", number=20))
        await eventually(lambda: _has(store, "big", list(range(21))))
        assert await _waits(store, 0, 0)
        [described] = [event for event in await published(service) if event.about.type == Described.event_type]
        assert (described.about.id, described.payload["text"]) == (refused.id, "short")


async def test_what_waited_behind_a_discarded_event_is_sent(settings, serve, eventually):
    service = build(settings(Settings), recording())
    async with serve(service):
        store: Store = service.store
        await _publish(store, Described(thing="big", text=TOO_LARGE), *(ThingMade(thing="big", number=number) for number in range(5)))
        await eventually(lambda: _waits(store, 1, 5))
        [refused, *_] = await UnsentMessages(store).list()
        await UnsentMessages(store).discard(refused.id)
        await eventually(lambda: _has(store, "big", list(range(5))))
        assert await _waits(store, 0, 0)
        with pytest.raises(NoSuchUnsentMessageError):
            await UnsentMessages(store).show(refused.id)


async def test_a_refused_event_stays_so_over_a_restart_and_is_tried_again_by_itself(settings, serve, eventually, monkeypatch):
    config = settings(Settings)
    async with serve(build(config, recording())) as running:
        await _publish(running.service.store, Described(thing="big", text=TOO_LARGE), ThingMade(thing="big", number=1))
        await eventually(lambda: _waits(running.service.store, 1, 1))
    again = build(config, recording())
    async with serve(again):
        store: Store = again.store
        await _publish(store, ThingMade(thing="big", number=2), ThingMade(thing="small", number=2))
        await eventually(lambda: _has(store, "small", [2]))
        await eventually(lambda: _waits(store, 1, 2))
        monkeypatch.setattr("shared.outbox.sender.LONGEST_RECORD", 10 * LONGEST_RECORD)
        if BROKER == "apache":
            await _set(config, ThingMade.topic, "max.message.bytes", str(4 * LONGEST_RECORD))
        began = clock.now()
        with clock.at(lambda: began + timedelta(seconds=unsent.FIRST_PAUSE_SECONDS + 1)):
            await eventually(lambda: _has(store, "big", [1, 2]))


async def test_a_topic_that_nobody_can_make_is_announced_once_and_holds_back_no_other(settings, serve, eventually):
    service = build(settings(Settings), recording())
    async with serve(service):
        store: Store = service.store
        things = [f"thing-{number}" for number in range(12)]
        await _publish(store, *(event for thing in things for event in (Lost(thing=thing), ThingMade(thing=thing, number=1))))
        await eventually(lambda: _each_has_one(store, things))
        await eventually(lambda: _none(store, "outbox"))
        kept = await UnsentMessages(store).list()
        assert {message.topic.rpartition(".")[2] for message in kept} == {Lost.topic}
        assert len(kept) == len(things)
        announced = await _announced(service)
        assert [(event.whole_topic, event.destination, event.error) for event in announced] == [(True, Lost.topic, "InvalidTopicError")]
        for message in kept:
            await UnsentMessages(store).discard(message.id)
        assert await _waits(store, 0, 0)


async def _each_has_one(store: Store, things: list[str]) -> bool:
    return all([await store.effects.of(thing) == [1] for thing in things])


@on_apache
async def test_of_a_batch_that_the_broker_refuses_only_what_is_refused_by_itself_is_set_aside(settings, serve, eventually):
    config = settings(Settings, partitions=1)
    await _create(config, ThingMade.topic, **{"max.message.bytes": "20000"})
    store = await Store(config).start()
    for number in range(200):
        await _publish(
            store, Described(thing=f"thing-{number % 20}", text="x" * 600), ThingMade(thing=f"thing-{number % 20}", number=number)
        )
    await _publish(store, Described(thing="thing-3", text="x" * 30_000), ThingMade(thing="thing-3", number=1000))
    async with serve(build(config, recording())) as running:
        store = running.service.store
        await eventually(lambda: _count(store, 200), seconds=60)
        await eventually(lambda: _waits(store, 1, 1))
        for number in range(20):
            assert await store.effects.of(f"thing-{number}") == list(range(number, 200, 20))
        [refused, _] = await UnsentMessages(store).list()
        assert refused.key == "thing-3"
        await _set(config, ThingMade.topic, "max.message.bytes", "100000")
        await UnsentMessages(store).retry(refused.id)
        await eventually(lambda: _has(store, "thing-3", [*range(3, 200, 20), 1000]))


@on_apache
async def test_what_waits_for_a_topic_flows_once_the_topic_can_be_written(settings, serve, eventually):
    config = settings(Settings, replication=3)
    await _create(config, ThingMade.topic)
    await _create(config, MessageUnsent.topic)
    service = build(config, recording())
    async with serve(service):
        store: Store = service.store
        await _publish(
            store, *(event for n in range(10) for event in (Guarded(thing=f"key-{n % 5}"), ThingMade(thing=f"key-{n}", number=1)))
        )
        await eventually(lambda: _each_has_one(store, [f"key-{n}" for n in range(10)]), seconds=30)
        assert (await _announced(service))[0].error == "InvalidReplicationFactorError"
        await _create(config, Guarded.topic)
        for message in await UnsentMessages(store).list():
            if message.state == "refused":
                await UnsentMessages(store).retry(message.id)
        await eventually(lambda: _waits(store, 0, 0), seconds=30)
        found = [(event.key, event.about.sequence) for event in await published(service) if event.about.type == Guarded.event_type]
        assert sorted(found) == [(f"key-{n}", sequence) for n in range(5) for sequence in (1, 2)]


async def _count(store: Store, number: int) -> bool:
    return await store.effects.count() == number


async def _create(config: Settings, topic: str, **configs: str) -> None:
    admin = await _admin(config)
    new = NewTopic(f"{config.topic_prefix}{topic}", config.partitions, 1, topic_configs=configs)
    response = await admin.create_topics([new])
    assert response.topic_errors[0][1] == 0, response
    await admin.close()


async def _set(config: Settings, topic: str, name: str, value: str) -> None:
    from shared.kafka.broker import _alter  # noqa: PLC0415

    admin = await _admin(config)
    await _alter(admin, f"{config.topic_prefix}{topic}", {name: value})
    await admin.close()


async def _admin(config: Settings) -> AIOKafkaAdminClient:
    admin = AIOKafkaAdminClient(**client_options(config))
    await admin.start()
    return admin


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MessageSizeTooLargeError(), Verdict.ROW),
        (InvalidTopicError(), Verdict.TOPIC),
        (TopicAuthorizationFailedError(), Verdict.TOPIC),
        (UnknownError(), Verdict.UNSURE),
        (NotEnoughReplicasError(), Verdict.LATER),
        (KafkaTimeoutError(), Verdict.LATER),
        (OutOfOrderSequenceNumber(), Verdict.LATER),
        (ConnectionResetError(), Verdict.LATER),
    ],
)
def test_only_what_can_never_succeed_is_final(error: BaseException, said: Verdict):
    assert verdict(error) is said


def test_an_announcement_is_small_whatever_it_speaks_of():
    name: Any = "é" * 500_000
    letter = MessageDeadLettered(
        dead_letter=f"consumer:{name}",
        service="thing",
        consumer="consumer",
        message_type=name,
        error=name,
        attempts=1,
        dead_lettered_at=clock.now(),
    )
    other = letter.model_validate({**letter.model_dump(), "dead_letter": f"consumer:{name}!"})
    assert len(letter.key.encode()) <= LONGEST_NAME
    assert len(letter.model_dump_json().encode()) < 5 * LONGEST_NAME
    assert letter.key != other.key


async def test_a_service_stops_at_once_while_a_refused_event_waits(settings, serve, eventually):
    async with serve(build(settings(Settings), recording())) as running:
        await _publish(running.service.store, Described(thing="big", text=TOO_LARGE))
        await eventually(lambda: _waits(running.service.store, 1, 0))
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < FIRST_PAUSE_SECONDS / 2
