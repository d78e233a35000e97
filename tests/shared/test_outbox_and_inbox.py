"""From a transaction's event to a consumer's effect: once and in order, despite repeats."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from pymongo import MongoClient

from contracts.events.platform import MessageDeadLettered
from shared.bus import Envelope, EventRouter
from shared.bus.dead_letters import DeadLetters
from shared.mongo import Duplicate, Transaction
from tests.shared.thing import Settings, Store, ThingMade, build, recording
from tests.support.kafka import client_options
from tests.support.published_events import published


async def test_an_event_reaches_the_consumer_with_its_effect(settings, serve, tokens, eventually):
    service = build(settings(Settings), recording())
    async with serve(service) as running:
        reply = await running.http.post("/v1/things", json={"name": "chair", "number": 1}, headers=tokens.bearer("thing:thing:make"))
        assert reply.status_code == 201, reply.text
        store = service.store
        await eventually(lambda: store.effects.of("chair"))
        assert await store.effects.of("chair") == [1]
        await eventually(lambda: _empty(store, "outbox"))


async def _empty(store, name):
    return await store.collection(name).count({}) == 0


async def test_a_transaction_that_fails_publishes_nothing(settings, serve, eventually):
    service = build(settings(Settings), recording())
    async with serve(service):
        store: Store = service.store
        with pytest.raises(Duplicate):
            await _make_a_ghost_twice(store)
        async with store.transaction() as tx:
            await tx.publish(ThingMade(thing="real", number=1))
        await eventually(lambda: store.effects.of("real"))
        assert await store.effects.of("ghost") == []
        assert await store.things.all() == []


async def _make_a_ghost_twice(store):
    async with store.transaction() as tx:
        await tx.things.insert("ghost", 1)
        await tx.publish(ThingMade(thing="ghost", number=1))
        await tx.things.insert("ghost", 2)


async def test_order_holds_per_key_over_many_transactions(settings, serve, eventually):
    service = build(settings(Settings), recording())
    async with serve(service):
        store: Store = service.store

        async def writer(key: str) -> None:
            for number in range(30):
                async with store.transaction() as tx:
                    await tx.publish(ThingMade(thing=key, number=number))

        keys = [f"key-{n}" for n in range(8)]
        await asyncio.gather(*(writer(key) for key in keys))
        await eventually(lambda: _count(store, 240), seconds=30)
        for key in keys:
            assert await store.effects.of(key) == list(range(30))


async def _count(store, n):
    return await store.effects.count() == n


async def test_a_message_that_comes_twice_takes_effect_once(settings, serve, eventually):
    config = settings(Settings)
    service = build(config, recording())
    async with serve(service):
        store: Store = service.store
        async with store.transaction() as tx:
            await tx.publish(ThingMade(thing="once", number=1))
        await eventually(lambda: store.effects.of("once"))
        assert await store.collection("inbox").count({}) == 1
        [handled] = await store.collection("effects").find({})
        repeat = ("once", ThingMade(thing="once", number=1), handled["event"])
        await _resend(config, [repeat] * 12, source="urn:london-blocks:thing")
        async with store.transaction() as tx:
            await tx.publish(ThingMade(thing="once", number=2))
        await eventually(lambda: _has(store, "once", 2))
        assert await store.effects.of("once") == [1, 2]


async def _has(store, thing, n):
    return len(await store.effects.of(thing)) >= n


async def _resend(config, events, source="urn:test"):
    producer = AIOKafkaProducer(**client_options(config))
    await producer.start()
    for key, event, id_ in events:
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", id_.encode()),
            ("ce_type", event.event_type.encode()),
            ("ce_source", source.encode()),
            ("ce_time", b"2026-01-01T00:00:00Z"),
        ]
        await producer.send_and_wait(
            f"{config.topic_prefix}{event.topic}", event.model_dump_json().encode(), key=key.encode(), headers=headers
        )
    await producer.stop()


async def test_a_poison_message_is_parked_and_the_partition_continues(settings, serve, eventually):
    config = settings(Settings, partitions=1)
    service = build(config, recording(attempts=3, first_pause=0.05))
    async with serve(service):
        store: Store = service.store
        async with store.transaction() as tx:
            await tx.publish(
                ThingMade(thing="poison", number=1), ThingMade(thing="healthy", number=1), ThingMade(thing="healthy", number=2)
            )
        await eventually(lambda: _has(store, "healthy", 2))
        letters = DeadLetters(store)
        await eventually(letters.list)
        dead = (await letters.list())[0]
        assert dead.attempts == 3
        assert dead.error == "ValueError: it is poison"
        assert ThingMade.model_validate_json(dead.value).thing == "poison"
        assert [event.about.type for event in await published(service)].count(MessageDeadLettered.event_type) == 1

        await letters.replay(dead.id, value=ThingMade(thing="mended", number=7).model_dump_json().encode())
        await eventually(lambda: _has(store, "mended", 1))
        assert await letters.list() == []


async def test_later_messages_of_a_parked_key_wait_and_keep_their_order(settings, serve, eventually):
    service = build(settings(Settings), recording(attempts=50, first_pause=0.05, longest_pause=0.2))
    async with serve(service):
        store: Store = service.store
        for number in range(5):
            async with store.transaction() as tx:
                await tx.publish(ThingMade(thing="wait", number=number), ThingMade(thing="other", number=number))
        await eventually(lambda: _has(store, "other", 5))
        await eventually(lambda: _parked(store, 5))
        assert await store.effects.of("wait") == []
        await store.collection("allowed").insert_one({"_id": "wait"})
        await eventually(lambda: _has(store, "wait", 5))
        assert await store.effects.of("wait") == [0, 1, 2, 3, 4]
        assert await store.effects.of("other") == [0, 1, 2, 3, 4]
        await eventually(lambda: _empty(store, "parked"))


async def _parked(store, n):
    return await store.collection("parked").count({"state": "parked"}) == n


async def test_what_is_no_cloudevent_becomes_a_dead_letter_at_once(settings, serve, eventually):
    config = settings(Settings)
    service = build(config, recording())
    async with serve(service):
        store: Store = service.store
        producer = AIOKafkaProducer(**client_options(config))
        await producer.start()
        topic = f"{config.topic_prefix}{ThingMade.topic}"
        await producer.send_and_wait(topic, b"\xff\xfe not json", key=b"garbage")
        await producer.send_and_wait(topic, b"\xff\xfe not json", key=b"garbage")
        await producer.stop()
        await _resend(config, [("bad", _Wrong(), "0198-bad")])
        letters = DeadLetters(store)
        await eventually(lambda: _dead(letters, 2))
        errors = sorted(letter.error for letter in await letters.list())
        assert errors[0].startswith("PermanentError: not a CloudEvent")
        assert "does not fit ThingMade: thing" in errors[1]
        async with store.transaction() as tx:
            await tx.publish(ThingMade(thing="garbage", number=1))
        await eventually(lambda: _has(store, "garbage", 1))


class _Wrong:
    event_type = ThingMade.event_type
    topic = ThingMade.topic

    def model_dump_json(self) -> str:
        return '{"number": "many"}'


async def _dead(letters, n):
    return len(await letters.list()) == n


async def test_a_batch_that_can_be_neither_handled_nor_parked_is_tried_until_it_can(settings, serve, eventually):
    tried: list[str] = []
    refusing = EventRouter("refusing", first_pause=3600)

    @refusing.subscriber(ThingMade)
    async def refuse(event: ThingMade, _about: Envelope, _tx: Transaction) -> None:
        tried.append(event.thing)
        raise ValueError("never")

    config = settings(Settings)
    service = build(config, refusing)
    with MongoClient[dict[str, Any]](config.mongodb.get_secret_value()) as client:
        parked = client[config.database]["parked"]
        async with serve(service):
            only_one = parked.create_index("consumer", unique=True)
            for number, thing in enumerate(("first", "second"), start=1):
                async with service.store.transaction() as tx:
                    await tx.publish(ThingMade(thing=thing))
                await eventually(lambda thing=thing, times=number: tried.count(thing) >= times)
            parked.drop_index(only_one)
            await eventually(lambda: parked.count_documents({}) == 2)
