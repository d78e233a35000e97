"""Reads everything that a platform exports or keeps for others: telemetry, logs, Kafka records, outbox rows."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from pymongo import MongoClient

from .collector import Collector

Text = tuple[str, str]
"""A place and a text found there."""
_ROWS = ("outbox", "outbox_sent", "inbox", "parked", "commands", "processes")
"""Collections of the chassis in every service's database: events in transit, and the state of processes."""


@dataclass
class Observed:
    """The texts by place. Places are named `span of move_home`, `log of identity`, `key on move_home.moves`."""

    collector: Collector
    records: list[Text] = field(default_factory=list)
    rows: list[Text] = field(default_factory=list)
    logs: list[Text] = field(default_factory=list)

    @property
    def texts(self) -> Iterator[Text]:
        """Every text with its place."""
        yield from telemetry(self.collector)
        yield from self.records
        yield from self.rows
        yield from self.logs

    @property
    def places(self) -> set[str]:
        """The places that hold any text."""
        return {where for where, _ in self.texts}


def telemetry(collector: Collector) -> Iterator[Text]:
    """Yield every span whole, and metrics and logs by export."""
    for path, content in collector.contents:
        for kind, resource in ((kind, resource) for kind, resources in content.items() for resource in resources):
            service = next(
                item["value"].get("stringValue", "") for item in resource["resource"]["attributes"] if item["key"] == "service.name"
            )
            yield f"resource of {service}", _as_text(resource["resource"])
            if kind == "resourceSpans":
                for scope in resource["scopeSpans"]:
                    yield from ((f"span of {service}", _as_text(span)) for span in scope["spans"])
            else:
                yield f"{path.rsplit('/', 1)[-1]} of {service}", _as_text(resource)


async def records(kafka: dict[str, Any]) -> list[Text]:
    """Return keys, headers and values of every record on every topic; `kafka` holds the client's connection options."""
    admin = AIOKafkaAdminClient(**kafka)
    await admin.start()
    try:
        described = await admin.describe_topics()
    finally:
        await admin.close()
    partitions = [TopicPartition(topic["topic"], number["partition"]) for topic in described for number in topic["partitions"]]
    consumer = AIOKafkaConsumer(**kafka, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    found: list[Text] = []
    try:
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        for partition in partitions:
            consumer.pause(*partitions)
            consumer.resume(partition)
            await consumer.seek_to_beginning(partition)
            while await consumer.position(partition) < ends[partition]:
                for record in (await consumer.getmany(partition, timeout_ms=200)).get(partition, []):
                    found.append((f"key on {record.topic}", _as_text(record.key)))
                    found.extend((f"header on {record.topic}", f"{name}: {_as_text(value)}") for name, value in record.headers)
                    found.append((f"value on {record.topic}", _as_text(record.value)))
    finally:
        await consumer.stop()
    return found


def rows(mongodb: str) -> list[Text]:
    """Return the rows of the chassis's collections in every database."""
    with MongoClient[dict[str, Any]](mongodb) as client:
        return [
            (f"{collection} of {database}", _as_text(row))
            for database in client.list_database_names()
            for collection in set(client[database].list_collection_names()) & set(_ROWS)
            for row in client[database][collection].find({})
        ]


def unsent(mongodb: str) -> int:
    """Return the number of unpublished events in all databases."""
    with MongoClient[dict[str, Any]](mongodb) as client:
        return sum(client[database]["outbox"].count_documents({}) for database in client.list_database_names())


def logs(folder: Path) -> list[Text]:
    """Return every log line of every process."""
    return [
        (f"log of {file.name.partition('.')[0]}", line)
        for file in sorted(folder.glob("*.log*"))
        for line in file.read_text(errors="replace").splitlines()
    ]


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=_as_text)
    return str(value)
