"""Reads the events of a service: the rows in its outbox and the records on its topics."""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.events import Envelope, MalformedEvent
from shared.service import Service


@dataclass(frozen=True)
class Published:
    """One event as a consumer receives it."""

    about: Envelope
    key: str
    value: bytes

    @property
    def payload(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.value)
        return content


async def published(service: Service) -> list[Published]:
    """Return the events of a service, committed or sent, in the order of their ids and without repeats.

    It reads the outbox before the topics, so that it cannot miss an event that the relay sends meanwhile.
    """
    assert service.store is not None
    rows = await service.store.collection("outbox").find({})
    waiting = [Published(Envelope.read([(name, value) for name, value in row["headers"]]), row["key"], row["value"]) for row in rows]
    found = {event.about.id: event for event in [*waiting, *await _on_topics(service)]}
    source = f"urn:london-blocks:{service.name}"
    return [event for _, event in sorted(found.items()) if event.about.source == source]


async def _on_topics(service: Service) -> list[Published]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=service.settings.kafka,
        **service.settings.kafka_access.client_options(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        topics = [topic for topic in await consumer.topics() if topic.startswith(service.settings.topic_prefix)]
        partitions = [TopicPartition(topic, number) for topic in topics for number in range(service.settings.partitions)]
        if not partitions:
            return []
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        events = []
        for partition in partitions:
            consumer.pause(*partitions)
            consumer.resume(partition)
            await consumer.seek_to_beginning(partition)
            while await consumer.position(partition) < ends[partition]:
                for record in (await consumer.getmany(partition, timeout_ms=200)).get(partition, []):
                    with suppress(MalformedEvent):  # other clients may write to the topic too
                        about = Envelope.read(record.headers)
                        events.append(Published(about, (record.key or b"").decode(errors="replace"), record.value or b""))
        return events
    finally:
        await consumer.stop()
