"""The reference, FastAPI with the driver alone: `python -m benchmarks.web.bare`.

Its POST writes the same two rows in one transaction with the same guarantees, without authorisation, tracing or idempotency.
"""

import contextlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from inspect import isawaitable
from typing import Any
from uuid import uuid4

import uvicorn
from fastapi import FastAPI

from benchmarks.web.models import THINGS, NewThing, Thing
from shared.mongo import driver

_HEADERS = [[f"ce_header_{number}", b"x" * 24] for number in range(9)]
client: Any = driver.connect(os.environ["BENCH_MONGODB"], "motor" if os.environ["BENCH_DRIVER"] == "motor" else "pymongo")
database = client[f"bare_{os.environ['BENCH_RUN']}"]


@contextlib.asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Create the collections and the index of the chassis."""
    await driver.create_collection(database, "things")
    await driver.create_collection(database, "outbox")
    await database.outbox.create_index([("shard", 1), ("_id", 1)])
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/ready")
async def ready() -> dict[str, bool]:
    """Answer that the app runs."""
    return {"ready": True}


@app.get("/things")
async def list_things() -> list[Thing]:
    """Return the same ten things."""
    return THINGS


@app.post("/things", status_code=201)
async def make(thing: NewThing) -> Thing:
    """Make a thing and its outbox row in one transaction."""
    started = client.start_session()
    session = await started if isawaitable(started) else started
    try:
        await driver.begin(session)
        await database.things.insert_one({"_id": thing.name, "number": thing.number, "text": thing.text}, session=session)
        row = {
            "_id": str(uuid4()),
            "shard": thing.number % 16,
            "topic": "benchmark.made",
            "key": thing.name,
            "value": b'{"thing": "%s", "number": %d}' % (thing.name.encode(), thing.number),
            "headers": _HEADERS,
            "at": datetime.now(UTC),
        }
        await database.outbox.insert_one(row, session=session)
        await session.commit_transaction()
    finally:
        ended = session.end_session()
        if isawaitable(ended):
            await ended
    return Thing(name=thing.name, number=thing.number, text=thing.text)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", access_log=False, loop="uvloop", http="httptools")
