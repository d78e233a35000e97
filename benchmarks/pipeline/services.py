"""The two services, on the chassis, each a process of its own as in production: `python -m benchmarks.pipeline.services sender|receiver`.

`POST /load?first=0&count=1000&rate=200` makes the sender commit that many transactions, each one row of state and one event; the receiver's handler
writes one row for each event.
"""  # noqa: E501

import os
import sys
from pathlib import Path

from pydantic import SecretStr

from benchmarks.pipeline.load import offer
from benchmarks.stamps import COMMITTED, TAKEN_EFFECT, Stamps
from contracts.events.base import Event, Key
from deploy.embedded.engines.kafka_protocol import access_from_environment
from shared.bus import Envelope, EventRouter
from shared.http import Router
from shared.mongo import Database, Transaction
from shared.service import Service
from shared.settings import ServiceSettings

KEYS = 500


class Counted(Event, type="benchmark.thing.counted", version=1, topic="benchmark.things"):
    """Something happened to one of many things."""

    thing: str = Key()
    number: int


class Store(Database[Transaction]):
    """State of either service."""

    transaction_type = Transaction
    indexes = {"things": [], "effects": []}  # noqa: RUF012


def sent() -> EventRouter:
    """What the sender publishes."""
    events = EventRouter("sender")
    events.publishes(Counted)
    return events


def sender(settings: ServiceSettings, stamps: Stamps) -> Service:
    """Commits transactions on command."""
    store = Store(settings)
    router = Router()

    async def commit(number: int) -> None:
        async with store.transaction() as tx:
            await tx.collection("things").insert_one({"_id": number, "text": "x" * 200})
            await tx.publish(Counted(thing=f"thing-{number % KEYS}", number=number, sequence=number + 1))
            tx.after_commit(lambda: stamps.stamp(COMMITTED, number))

    @router.post("/load")
    async def load(first: int, count: int, rate: float) -> int:
        await offer(commit, stamps, first=first, count=count, rate=rate)
        return count

    return Service("sender", settings, store=store, routers=[router], events=[sent()])


def receiver(settings: ServiceSettings, stamps: Stamps) -> Service:
    """Writes a row for each event."""
    store = Store(settings)
    events = EventRouter("receiver")

    @events.subscriber(Counted)
    async def record(event: Counted, about: Envelope, tx: Transaction) -> None:
        await tx.collection("effects").insert_one({"_id": about.id, "number": event.number})
        tx.after_commit(lambda: stamps.stamp(TAKEN_EFFECT, event.number))

    return Service("receiver", settings, store=store, events=[events])


def main(role: str) -> int:
    """Run one of the two until SIGTERM."""
    settings = ServiceSettings(
        name=role,
        port=int(os.environ["PORT"]),
        mongodb=SecretStr(os.environ["BENCH_MONGODB"]),
        kafka=os.environ["BENCH_KAFKA"],
        **access_from_environment().as_settings(),
        database=f"{role}_{os.environ['BENCH_RUN']}",
        driver="motor" if os.environ["BENCH_DRIVER"] == "motor" else "pymongo",
        topic_prefix=f"{os.environ['BENCH_RUN']}.",
        broker_durable=os.environ["BENCH_BROKER_DURABLE"] == "yes",
        log_level="WARNING",
    )
    stamps = Stamps(Path(os.environ["BENCH_STAMPS"]), int(os.environ["BENCH_COUNT"]))
    return {"sender": sender, "receiver": receiver}[role](settings, stamps).serve()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
