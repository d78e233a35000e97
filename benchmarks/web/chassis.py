"""The service on the chassis: `python -m benchmarks.web.chassis`. Its POST commits one row of state and one event."""

import os
import sys
from typing import Annotated

from fastapi import Depends
from pydantic import SecretStr

from benchmarks.web.models import THINGS, NewThing, Thing
from contracts.events.base import Event, Key, Order
from deploy.embedded.engines.kafka_protocol import access_from_environment
from shared.auth import Caller, require
from shared.bus import EventRouter
from shared.http import Router, provided
from shared.mongo import Database, Transaction
from shared.service import Service
from shared.settings import Role, ServiceSettings


class ThingMade(Event, type="benchmark.thing.made", version=1, topic="benchmark.made", order=Order.SINGLE):
    """A thing was made."""

    thing: str = Key()
    number: int


class Store(Database[Transaction]):
    """Things."""

    transaction_type = Transaction
    indexes = {"things": []}  # noqa: RUF012


router = Router()
events = EventRouter("benchmark")
events.publishes(ThingMade)
Maker = Annotated[Caller, require("benchmark:thing:make")]
Db = Annotated[Store, Depends(provided(Store))]


@router.get("/things")
async def list_things(caller: Maker) -> list[Thing]:  # noqa: ARG001 (it authorises the call)
    """Return the same ten things."""
    return THINGS


@router.post("/things", status_code=201)
async def make(thing: NewThing, caller: Maker, store: Db) -> Thing:  # noqa: ARG001
    """Make a thing and publish its event in one transaction."""
    async with store.transaction() as tx:
        await tx.collection("things").insert_one({"_id": thing.name, "number": thing.number, "text": thing.text})
        await tx.publish(ThingMade(thing=thing.name, number=thing.number))
    return Thing(name=thing.name, number=thing.number, text=thing.text)


def main() -> int:
    """Run the service until SIGTERM; return its exit status."""
    settings = ServiceSettings(
        name="benchmark",
        port=int(os.environ["PORT"]),
        role=Role(os.environ["BENCH_ROLE"]),
        mongodb=SecretStr(os.environ["BENCH_MONGODB"]),
        kafka=os.environ["BENCH_KAFKA"],
        **access_from_environment().as_settings(),
        database=f"chassis_{os.environ['BENCH_RUN']}",
        driver="motor" if os.environ["BENCH_DRIVER"] == "motor" else "pymongo",
        topic_prefix=f"{os.environ['BENCH_RUN']}.",
        broker_durable=os.environ["BENCH_BROKER_DURABLE"] == "yes",
        issuer=os.environ["BENCH_ISSUER"],
        jwks_url=os.environ["BENCH_JWKS"],
        otlp_endpoint=os.environ["BENCH_OTLP"],
        requests_per_minute=0,
        trace_sample=float(os.environ["BENCH_SAMPLE"]),
        log_level="WARNING",
    )
    return Service("benchmark", settings, store=Store(settings), routers=[router], events=[events]).serve()


if __name__ == "__main__":
    sys.exit(main())
