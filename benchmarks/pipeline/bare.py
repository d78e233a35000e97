"""The reference: the same two transactions and the same message by driver and aiokafka alone.

`python -m benchmarks.pipeline.bare sender|receiver` runs one role. The sender commits state and outbox row,
sends the outbox's rows and deletes them; the receiver writes inbox and effect. There is no order per key, takeover, retry, trace or second replica:
only the engines' own cost remains.
"""  # noqa: E501

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from inspect import isawaitable
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvicorn
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from fastapi import FastAPI

from benchmarks.pipeline.load import offer
from benchmarks.stamps import COMMITTED, TAKEN_EFFECT, Stamps
from deploy.embedded.engines.kafka_protocol import access_from_environment
from shared.mongo import driver

TOPIC = "bare.things"
BATCH = 500
Run = Callable[[Any, Callable[[Any], Awaitable[None]]], Awaitable[None]]


async def transaction(client: Any, body: Callable[[Any], Awaitable[None]]) -> None:
    """Run one transaction with the chassis's guarantees."""
    started = client.start_session()
    session = await started if isawaitable(started) else started
    try:
        await driver.begin(session)
        await body(session)
        await session.commit_transaction()
    finally:
        ended = session.end_session()
        if isawaitable(ended):
            await ended


class Sender:
    """Commits transactions and relays their outbox rows."""

    def __init__(self, client: Any, database: Any, stamps: Stamps) -> None:
        self._client, self._database, self._stamps = client, database, stamps
        self._woken = asyncio.Event()

    async def commit(self, number: int) -> None:
        """Write state and outbox row in one transaction."""

        async def write(session: Any) -> None:
            await self._database.things.insert_one({"_id": number, "text": "x" * 200}, session=session)
            row = {"_id": number, "key": f"thing-{number % 500}", "value": b'{"number": %d}' % number}
            await self._database.outbox.insert_one(row, session=session)

        await transaction(self._client, write)
        self._stamps.stamp(COMMITTED, number)
        self._woken.set()

    async def relay(self) -> None:
        """Send and delete rows until cancelled."""
        producer = AIOKafkaProducer(
            bootstrap_servers=os.environ["BENCH_KAFKA"], acks="all", enable_idempotence=False, **access_from_environment().client_options()
        )
        await producer.start()
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                while rows := await self._database.outbox.find({}, sort=[("_id", 1)], limit=BATCH).to_list(None):
                    sent = [
                        await producer.send(f"{os.environ['BENCH_RUN']}.{TOPIC}", row["value"], key=row["key"].encode()) for row in rows
                    ]
                    await asyncio.gather(*sent)
                    await self._database.outbox.delete_many({"_id": {"$in": [row["_id"] for row in rows]}})
        finally:
            await producer.stop()


class Receiver:
    """Writes each message's inbox row and effect."""

    def __init__(self, client: Any, database: Any, stamps: Stamps) -> None:
        self._client, self._database, self._stamps = client, database, stamps

    async def consume(self) -> None:
        """Consume batches until cancelled, each message in a transaction of its own."""
        consumer = AIOKafkaConsumer(
            f"{os.environ['BENCH_RUN']}.{TOPIC}",
            bootstrap_servers=os.environ["BENCH_KAFKA"],
            **access_from_environment().client_options(),
            group_id=f"{os.environ['BENCH_RUN']}.bare",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=20,
            session_timeout_ms=6000,
            heartbeat_interval_ms=2000,
        )
        await consumer.start()
        try:
            while True:
                batches = await consumer.getmany(timeout_ms=200, max_records=200)
                records = [record for batch in batches.values() for record in batch]
                await asyncio.gather(*(self._take(record) for record in records))
                if records:
                    await consumer.commit()
        finally:
            await consumer.stop()

    async def _take(self, record: "ConsumerRecord[bytes, bytes]") -> None:
        number = int((record.value or b"").split(b":")[1].strip(b" }"))

        async def write(session: Any) -> None:
            await self._database.inbox.insert_one({"_id": f"bare:{number}"}, session=session)
            await self._database.effects.insert_one({"_id": str(uuid4()), "number": number}, session=session)

        await transaction(self._client, write)
        self._stamps.stamp(TAKEN_EFFECT, number)


def application(role: str) -> FastAPI:
    """Return the application of a role; `/ready` answers once it runs."""
    stamps = Stamps(Path(os.environ["BENCH_STAMPS"]), int(os.environ["BENCH_COUNT"]))
    client = driver.connect(os.environ["BENCH_MONGODB"], "motor" if os.environ["BENCH_DRIVER"] == "motor" else "pymongo")
    database = client[f"bare_{role}_{os.environ['BENCH_RUN']}"]

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for name in ("things", "outbox", "inbox", "effects"):
            await driver.create_collection(database, name)
        task = asyncio.create_task(sending.relay() if role == "sender" else Receiver(client, database, stamps).consume())
        yield
        task.cancel()
        await asyncio.wait({task})

    app = FastAPI(lifespan=lifespan)
    sending = Sender(client, database, stamps)

    @app.get("/ready")
    async def ready() -> dict[str, bool]:
        return {"consuming": True}

    @app.post("/load")
    async def load(first: int, count: int, rate: float) -> int:
        await offer(sending.commit, stamps, first=first, count=count, rate=rate)
        return count

    return app


if __name__ == "__main__":
    uvicorn.run(application(sys.argv[1]), host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", loop="uvloop")
