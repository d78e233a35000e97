"""Services create topics with the configured partitions and retention, and report topics that differ."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import InvalidTopicError
from pydantic import ValidationError

from shared.kafka.broker import BrokerWatch, _config
from shared.outbox.sender import Sender
from shared.settings import INBOX_DAYS
from tests.conftest import BROKER
from tests.shared.thing import Settings, ThingMade, build, recording
from tests.support.kafka import client_options

WEEK_MS = str(7 * 24 * 3600 * 1000)
HOUR_MS, DAY_MS, MONTH_MS = "3600000", "86400000", str(30 * 24 * 3600 * 1000)


@asynccontextmanager
async def _admin(config: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**client_options(config))
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


def _topic(config: Settings) -> str:
    return f"{config.topic_prefix}{ThingMade.topic}"


async def _partitions(admin: AIOKafkaAdminClient, topic: str) -> int:
    """Return the number of partitions; 0 without the topic."""
    return next((len(found["partitions"]) for found in await admin.describe_topics() if found["topic"] == topic), 0)


async def _settings_of(admin: AIOKafkaAdminClient, topic: str) -> dict[str, str | None]:
    return {name: value for name, value, _ in await _config(admin, topic)}


async def _make(config: Settings, partitions: int, **configs: str) -> None:
    async with _admin(config) as admin:
        response = await admin.create_topics([NewTopic(_topic(config), partitions, 1, topic_configs=configs)])
        assert response.topic_errors[0][1] == 0


async def _publish(service, thing: str) -> None:
    async with service.store.transaction() as tx:
        await tx.publish(ThingMade(thing=thing, number=1))


async def test_a_topic_is_made_with_the_partitions_and_the_retention_that_are_set(settings, serve, eventually):
    config = settings(Settings, partitions=5)
    async with serve(build(config, recording())) as running, _admin(config) as admin:
        await eventually(lambda: _partitions(admin, _topic(config)))
        assert await _partitions(admin, _topic(config)) == 5
        assert (await _settings_of(admin, _topic(config)))["retention.ms"] == WEEK_MS
        assert "topics" not in (await running.http.get("/ready")).json()


async def test_a_topic_that_is_deleted_is_made_again_as_it_was_and_used(settings, serve, eventually):
    config = settings(Settings, partitions=5)
    service = build(config, recording())
    async with serve(service), _admin(config) as admin:
        await _publish(service, "before")
        await eventually(lambda: service.store.effects.of("before"))
        for round_ in range(2):
            await admin.delete_topics([_topic(config)])
            await eventually(lambda: _partitions(admin, _topic(config)), seconds=20)
            assert await _partitions(admin, _topic(config)) == 5
            if BROKER == "tansu":  # the broker does not report that a position lies behind the new topic's end
                continue
            for number in range(5):
                thing = f"after {round_} {number}"
                await _publish(service, thing)
                await eventually(lambda thing=thing: service.store.effects.of(thing), seconds=60)
        assert (await _settings_of(admin, _topic(config)))["retention.ms"] == WEEK_MS


async def test_too_few_partitions_are_said_and_nobody_raises_them(settings, serve, eventually, caplog):
    config = settings(Settings, partitions=5)
    await _make(config, 2)
    service = build(config, recording())
    async with serve(service) as running, _admin(config) as admin:
        await _publish(service, "chair")
        await eventually(lambda: service.store.effects.of("chair"))
        said = (await running.http.get("/ready")).json()["topics"]
        assert "has 2 partitions, 5 are set" in said[_topic(config)]
        assert "docs/topics.md" in caplog.text
        assert await _partitions(admin, _topic(config)) == 2


async def test_a_longer_retention_is_brought_to_what_is_set_or_said(settings, serve, eventually):
    config = settings(Settings)
    await _make(config, 3, **{"retention.ms": MONTH_MS, "segment.ms": HOUR_MS})
    service = build(config, recording())
    async with serve(service) as running, _admin(config) as admin:
        await _publish(service, "chair")
        await eventually(lambda: service.store.effects.of("chair"))
        found = await _settings_of(admin, _topic(config))
        if BROKER == "apache":
            assert (found["retention.ms"], found["segment.ms"]) == (WEEK_MS, HOUR_MS)
        else:
            assert "this broker cannot change it" in (await running.http.get("/ready")).json()["topics"][_topic(config)]


async def test_a_shorter_retention_stays_unchanged(settings, serve, eventually):
    config = settings(Settings)
    await _make(config, 3, **{"retention.ms": DAY_MS})
    service = build(config, recording())
    async with serve(service) as running, _admin(config) as admin:
        await _publish(service, "chair")
        await eventually(lambda: service.store.effects.of("chair"))
        assert (await _settings_of(admin, _topic(config)))["retention.ms"] == DAY_MS
        assert "topics" not in (await running.http.get("/ready")).json()


def test_topics_may_not_keep_events_for_as_long_as_inboxes_do():
    with pytest.raises(ValidationError, match="topic_retention_hours"):
        Settings(topic_retention_hours=INBOX_DAYS * 24)


async def test_no_client_makes_a_topic_by_asking_for_it(settings):
    config = settings(Settings)
    watch = BrokerWatch(config, ())
    sender = Sender(config, watch)
    try:
        await watch.refresh()
        producer = await sender._connected()
        await producer.client.add_topic(_topic(config))
        async with _admin(config) as admin:
            assert await _partitions(admin, _topic(config)) == 0
            await watch.ensure(_topic(config))
            assert await _partitions(admin, _topic(config)) == config.partitions
            with pytest.raises(InvalidTopicError):
                await watch.ensure("no such/topic")
    finally:
        await sender.close()
        await watch.stop()
