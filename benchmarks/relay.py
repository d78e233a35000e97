"""Rate at which the relay empties a full outbox, against its floor: driver and aiokafka alone read, send and delete the same rows."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from faststream.kafka import KafkaBroker
from pydantic import SecretStr

from benchmarks.pipeline.services import Counted, Store, sent
from benchmarks.processes import Engines, engines
from benchmarks.report import Report, arguments, engine_to_use, median
from deploy.embedded.ports import free_port
from shared.context import Cause
from shared.kafka.connection import security_of
from shared.kafka.redaction import RedactingLogger
from shared.mongo import Collection, driver
from shared.mongo import outbox_rows as rows
from shared.service import Service
from shared.settings import ServiceSettings

KEYS = 500
BATCH = 500
PARTITIONS = 6
SHARE_AT_LEAST, RATE_AT_LEAST = 0.8, 5000
PATIENCE_SECONDS = 120


@dataclass
class Rates:
    """Events a second of each variant, round by round."""

    chassis: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)
    faststream: list[float] = field(default_factory=list)


def events(count: int, prefix: str) -> list[dict[str, Any]]:
    """Return `count` outbox rows, as a service writes them."""
    cause = Cause(None, None, None)
    return [
        rows.row(
            Counted(thing=f"thing-{number % KEYS}", number=number, sequence=number + 1), service="sender", topic_prefix=prefix, cause=cause
        )
        for number in range(count)
    ]


async def chassis(parts: Engines, name: str, filled: list[dict[str, Any]], prefix: str) -> float:
    """Return the events a second of the chassis's relay, from its first send until the outbox is empty."""
    settings = ServiceSettings(
        name="sender",
        port=free_port(),
        mongodb=SecretStr(parts.database.address),
        kafka=parts.broker.address,
        database=f"relay_{name}",
        driver="motor",
        topic_prefix=prefix,
        broker_durable=parts.broker_durable,
        partitions=PARTITIONS,
        log_level="WARNING",
    )
    store = await Store(settings).start()
    outbox = store.collection("outbox")
    for at in range(0, len(filled), BATCH):
        await outbox.insert_many(filled[at : at + BATCH])
    service = Service("sender", settings, store=store, events=[sent()])
    await service.start()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await emptied(outbox)
        ended = time.time()
    finally:
        await service.stop()
    return len(filled) / (ended - await first_sent(parts, filled[0]["topic"]))


async def emptied(outbox: Collection) -> None:
    """Wait until the outbox is empty."""
    while True:
        if not await outbox.find({}, limit=1, projection={"_id": 1}):
            return
        await asyncio.sleep(0.02)


async def first_sent(parts: Engines, topic: str) -> float:
    """Return the producer's timestamp of a topic's first record (Unix time)."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=parts.broker.address, **parts.broker.access.client_options(), enable_auto_commit=False, fetch_max_wait_ms=20
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, partition) for partition in range(PARTITIONS)])
        await consumer.seek_to_beginning()
        first: dict[TopicPartition, int] = {}
        async with asyncio.timeout(30):
            while len(first) < PARTITIONS:
                for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                    first.setdefault(partition, records[0].timestamp)
        return min(first.values()) / 1000
    finally:
        await consumer.stop()


@asynccontextmanager
async def producing(parts: Engines) -> AsyncIterator[AIOKafkaProducer]:
    """Run a producer with the relay's options."""
    producer = AIOKafkaProducer(
        bootstrap_servers=parts.broker.address,
        **parts.broker.access.client_options(),
        acks="all",
        enable_idempotence=parts.broker_durable,
        max_batch_size=262_144,
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def make_topic(parts: Engines, topic: str) -> None:
    """Create a topic with as many partitions as the chassis creates."""
    admin = AIOKafkaAdminClient(bootstrap_servers=parts.broker.address, **parts.broker.access.client_options())
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1)])
    finally:
        await admin.close()


async def send(producer: Any, page: Sequence[dict[str, Any]], topic: str) -> None:
    """Send a page of rows and wait for their acknowledgements."""
    sent = [
        await producer.send(topic, row["value"], key=row["key"].encode(), headers=[(name, value) for name, value in row["headers"]])
        for row in page
    ]
    await asyncio.gather(*sent)


async def floor(parts: Engines, name: str, filled: list[dict[str, Any]], topic: str) -> float:
    """Return the events a second of reading, sending and deleting page by page."""
    client = driver.connect(parts.database.address, "motor")
    database = client[f"floor_{name}"]
    for collection in ("outbox", "outbox_sent"):
        await driver.create_collection(database, collection)
        await database[collection].create_index([("shard", 1), ("_id", 1)])
    for at in range(0, len(filled), BATCH):
        await database["outbox"].insert_many(filled[at : at + BATCH])
    try:
        async with producing(parts) as producer:
            began = time.monotonic()
            while page := await database["outbox"].find({}, sort=[("_id", 1)], limit=BATCH).to_list(None):
                await send(producer, page, topic)
                if not parts.broker_durable:
                    await database["outbox_sent"].insert_many(page)
                await database["outbox"].delete_many({"_id": {"$in": [row["_id"] for row in page]}})
            return len(filled) / (time.monotonic() - began)
    finally:
        await driver.resolve(client.close())


async def raw(parts: Engines, filled: list[dict[str, Any]], topic: str) -> float:
    """Return the events a second of aiokafka alone."""
    async with producing(parts) as producer:
        began = time.monotonic()
        for at in range(0, len(filled), BATCH):
            await send(producer, filled[at : at + BATCH], topic)
        return len(filled) / (time.monotonic() - began)


async def faststream(parts: Engines, filled: list[dict[str, Any]], topic: str) -> float:
    """Events a second of FastStream's `broker.publish` alone. It has no batch whose records have headers of their own."""
    broker = KafkaBroker(
        parts.broker.address,
        acks="all",
        enable_idempotence=parts.broker_durable,
        max_batch_size=262_144,
        security=security_of(parts.broker.access),
        logger=RedactingLogger(),
    )
    await broker.connect()
    try:
        began = time.monotonic()
        for at in range(0, len(filled), BATCH):
            sent = [
                await broker.publish(
                    row["value"],
                    topic,
                    key=row["key"].encode(),
                    headers={name: value.decode() for name, value in row["headers"]},
                    no_confirm=True,
                )
                for row in filled[at : at + BATCH]
            ]
            await asyncio.gather(*sent)
        return len(filled) / (time.monotonic() - began)
    finally:
        await broker.stop()


async def main() -> int:
    """Run the benchmark and return its exit code."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--events", type=int, default=20_000, help="events a round (default: 20,000)")
    options = parser.parse_args()
    rates = Rates()
    async with engines(engine_to_use(options.engine), options.broker) as parts:
        report = Report((__doc__ or "").strip(), {**parts.named, "events": str(options.events)})
        report.begin()
        for _ in range(options.rounds):
            name = uuid4().hex[:8]
            filled = events(options.events, f"r{name}.")
            rates.chassis.append(await chassis(parts, name, filled, f"r{name}."))
            for topic in (f"f{name}", f"a{name}", f"s{name}"):
                await make_topic(parts, topic)
            rates.floor.append(await floor(parts, name, filled, f"f{name}"))
            rates.raw.append(await raw(parts, filled, f"a{name}"))
            rates.faststream.append(await faststream(parts, filled, f"s{name}"))
    fast = parts.database.engine == "fast"
    report.add("relay", median(rates.chassis), "events/s", at_least=RATE_AT_LEAST if fast else None)
    report.add("floor", median(rates.floor), "events/s")
    report.add("aiokafka alone", median(rates.raw), "events/s")
    report.add("FastStream's publish alone", median(rates.faststream), "events/s")
    report.add("relay against its floor", median(rates.chassis) / median(rates.floor), "x", at_least=SHARE_AT_LEAST)
    report.add("relay against aiokafka alone", median(rates.chassis) / median(rates.raw), "x")
    return report.finish(options.json)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
