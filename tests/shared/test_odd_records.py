"""Odd records on a topic neither affect other records nor control the consumer."""

import asyncio
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.consumer import fetcher

from contracts.events.platform import MessageDeadLettered
from shared.bus import delivery as deliveries
from shared.bus.dead_letters import DeadLetters
from shared.events import LONGEST_ATTRIBUTE
from tests.shared.thing import Settings, Store, ThingMade, build, recording
from tests.support.kafka import client_options
from tests.support.odd_records import Odd, RawName, record, send
from tests.support.published_events import published


def _made(name: str) -> ThingMade:
    return ThingMade(thing=name, number=1)


HANDLED: dict[str, Odd] = {
    "value-not-utf8": record(_made("value-not-utf8"), ("note", b"\xff\xfe")),
    "value-null": record(_made("value-null"), ("note", None)),
    "name-not-utf8": record(_made("name-not-utf8"), (RawName(b"\xff\xfe"), b"1"), ("", b"2")),
    "huge-header": record(_made("huge-header"), ("note", b"n" * 600_000)),
    "many-headers": record(_made("many-headers"), *((f"note-{n}", b"") for n in range(3000))),
    "no-key": record(_made("no-key"), key=None),
    "key-not-utf8": record(_made("key-not-utf8"), key=b"\xff\x00\xfe"),
    "huge-key": record(_made("huge-key"), key=b"k" * 300_000),
    "no-time": record(_made("no-time"), without="ce_time"),
    "lower-case-time": record(_made("lower-case-time"), ("ce_time", b"2026-01-01t00:00:00.5z")),
    "no-such-time": record(_made("no-such-time"), ("ce_time", b"yesterday")),
    "sequence-of-letters": record(_made("sequence-of-letters"), ("ce_sequence", b"seven")),
    "endless-sequence": record(_made("endless-sequence"), ("ce_sequence", b"9" * 5000)),
    "odd-options": record(
        _made("odd-options"),
        ("ce_borough", b"\xff"),
        ("ce_correlationid", b"c" * 500_000),
        ("ce_causationid", None),
        ("traceparent", b"00-nothing"),
        ("tracestate", b"\xff"),
    ),
    "steering": record(
        _made("steering"),
        ("reply_to", b"replies"),
        ("correlation_id", b"\xff"),
        ("content-type", b"application/cloudevents+json"),
        ("message_id", None),
        ("brokerepoch", b"another life"),
    ),
}
DEAD: dict[str, tuple[Odd, str]] = {
    "nothing": (Odd(None, None), "header ce_specversion is not 1.0"),
    "no-value": (Odd(b"no-value", None, record(_made("no-value")).headers), "the payload does not fit ThingMade"),
    "not-json": (Odd(b"not-json", b"\xff", record(_made("not-json")).headers), "the payload does not fit ThingMade"),
    "no-id": (record(_made("no-id"), without="ce_id"), "header ce_id is missing"),
    "null-id": (record(_made("null-id"), ("ce_id", None)), "header ce_id is missing"),
    "empty-id": (record(_made("empty-id"), id_=""), "header ce_id is empty"),
    "another-empty-id": (record(_made("another-empty-id"), id_=""), "header ce_id is empty"),
    "id-not-utf8": (record(_made("id-not-utf8"), ("ce_id", b"\xff")), "header ce_id is not UTF-8"),
    "huge-id": (record(_made("huge-id"), id_="i" * 500_000), "header ce_id is longer than 256 bytes"),
    "empty-source": (record(_made("empty-source"), source=" "), "header ce_source is empty"),
    "huge-type": (record(_made("huge-type"), ("ce_type", b"t" * 300_000)), "header ce_type is longer than 256 bytes"),
}


async def test_each_odd_record_is_handled_or_is_a_dead_letter_by_itself(settings, serve, eventually):
    config = settings(Settings, partitions=1)
    service = build(config, recording())
    topic = f"{config.topic_prefix}{ThingMade.topic}"
    async with serve(service):
        store: Store = service.store
        letters = DeadLetters(store)
        odd = [*HANDLED.values(), *(record_ for record_, _ in DEAD.values())]
        for number, one in enumerate(odd):
            await send(client_options(config), topic, [_good(2 * number), one, _good(2 * number + 1)])

        await eventually(lambda: _all_good(store, 2 * len(odd)), seconds=60)
        for name in HANDLED:
            assert await store.effects.of(name) == [1], name
        await eventually(lambda: _dead(letters, len(DEAD)), seconds=20)
        assert sorted(_reason(letter.error) for letter in await letters.list()) == sorted(reason for _, reason in DEAD.values())
        assert all(len(letter.id) <= 64 for letter in await letters.list())

        announced = [event for event in await published(service) if event.about.type == MessageDeadLettered.event_type]
        assert len(announced) == len(DEAD)
        assert all(len(event.key) <= 64 and len(event.value) < 2000 for event in announced)
        assert all(len(value) <= LONGEST_ATTRIBUTE for event in announced for _, value in event.about.headers())


def _good(number: int) -> Odd:
    return record(ThingMade(thing="good", number=number))


async def _all_good(store: Store, count: int) -> bool:
    return await store.effects.of("good") == list(range(count))


async def _dead(letters: DeadLetters, count: int) -> bool:
    return len(await letters.list()) == count


def _reason(error: str) -> str:
    return error.removeprefix("PermanentError: ").removeprefix("not a CloudEvent: ").partition(":")[0]


async def test_a_header_that_asks_for_a_reply_makes_no_topic(settings, serve, eventually):
    config = settings(Settings, partitions=1)
    service = build(config, recording())
    reply, impossible = f"{config.topic_prefix}replies", b"no such name!"
    async with serve(service):
        topic = f"{config.topic_prefix}{ThingMade.topic}"
        await send(
            client_options(config),
            topic,
            [record(_made("asks"), ("reply_to", reply.encode())), record(_made("asks"), ("reply_to", impossible))],
        )
        await send(client_options(config), topic, [record(_made("later"))])
        await eventually(lambda: service.store.effects.of("later"))
    admin = AIOKafkaAdminClient(**client_options(config))
    await admin.start()
    topics = await admin.list_topics()
    await admin.close()
    assert reply not in topics


async def test_records_come_again_when_anything_fails_before_their_handler(settings, serve, eventually, monkeypatch, caplog):
    config = settings(Settings, partitions=1)
    service = build(config, recording())
    failures: list[str] = []
    of_record = deliveries.Delivery.of_record

    def fails_at_first(of: Any) -> Any:
        if len(failures) < 2:
            failures.append("parsing")
            raise RuntimeError("the record says so and so")
        return of_record(of)

    async with serve(service):
        monkeypatch.setattr(deliveries.Delivery, "of_record", fails_at_first)
        await send(client_options(config), f"{config.topic_prefix}{ThingMade.topic}", [_good(number) for number in range(40)])
        await eventually(lambda: _all_good(service.store, 40), seconds=60)
    assert len(failures) == 2
    heard = [entry.getMessage() for entry in caplog.records if entry.name.startswith(("shared.", "faststream"))]
    assert "FastStream: RuntimeError" in heard
    assert not [line for line in heard if "so and so" in line]


async def test_a_partition_that_cannot_be_read_costs_the_others_nothing(settings, serve, eventually, monkeypatch):
    config = settings(Settings, partitions=2)
    service = build(config, recording())
    topic = f"{config.topic_prefix}{ThingMade.topic}"
    refused: list[str] = []
    getall = fetcher.FetchResult.getall

    def refuse(self: Any, max_records: int | None = None) -> Any:
        if self._topic_partition.topic == topic and self._topic_partition.partition == 1 and len(refused) < 5:
            refused.append(topic)
            raise ValueError("cannot be decoded")
        return getall(self, max_records)

    async with serve(service):
        store: Store = service.store
        monkeypatch.setattr(fetcher.FetchResult, "getall", refuse)
        await asyncio.gather(
            send(client_options(config), topic, [_good(number) for number in range(40)], partition=0),
            send(client_options(config), topic, [record(_made("other"))], partition=1),
        )
        await eventually(lambda: _all_good(store, 40), seconds=60)
        await eventually(lambda: store.effects.of("other"), seconds=60)
    assert refused


@pytest.mark.parametrize("size", [3_000_000, 12_000_000])
async def test_what_is_too_large_to_be_kept_is_cut_and_dead(settings, serve, eventually, size):
    config = settings(Settings, partitions=1)
    service = build(config, recording())
    topic = f"{config.topic_prefix}{ThingMade.topic}"
    async with serve(service):
        store: Store = service.store
        await eventually(lambda: _exists(client_options(config), topic))
        await _allow_large(config, topic)
        bad = record(_made("poison"))
        await send(client_options(config), topic, [Odd(bad.key, (bad.value or b"") + b" " * size, bad.headers)])
        await send(client_options(config), topic, [record(_made("later"))])
        await eventually(lambda: store.effects.of("later"), seconds=60)
        letters = DeadLetters(store)
        await eventually(lambda: _dead(letters, 1))
        [letter] = await letters.list()
        assert letter.is_cut
        assert f"the message has {size}"[:18] in letter.error
        assert "before: ValueError" in letter.error
        assert ThingMade.model_validate_json(letter.value.rstrip()).thing == "poison"


async def _exists(kafka: dict[str, Any], topic: str) -> bool:
    admin = AIOKafkaAdminClient(**kafka)
    await admin.start()
    try:
        return topic in await admin.list_topics()
    finally:
        await admin.close()


async def _allow_large(config: Settings, topic: str) -> None:
    """Raise the topic's limit: Apache Kafka accepts 1 MB by default."""
    if not config.broker_durable:
        return
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType  # noqa: PLC0415

    admin = AIOKafkaAdminClient(**client_options(config))
    await admin.start()
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": "30000000"})])
    await admin.close()
