"""A small service for the chassis's tests: it makes and counts things, and publishes events."""

import os
from collections.abc import Mapping
from typing import Annotated, ClassVar

from fastapi import Depends
from pydantic import BaseModel, Field, SecretStr

from contracts.events.base import Event, Key, Order
from shared.auth import Caller, require
from shared.bus import Envelope, EventRouter
from shared.http import Problem, Router, provided
from shared.mongo import Database, Document, Duplicate, Index, Scope, Transaction
from shared.service import Service, main
from shared.settings import ServiceSettings, prefixed


class ThingMade(Event, type="thing.thing.made", version=1, topic="thing.things", order=Order.COUNTER):
    """A thing was made."""

    thing: str = Key()
    number: int = 0


class Settings(ServiceSettings):
    """Settings without fields of its own."""

    model_config = prefixed("THING_")


class Things:
    """Queries about things."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("things")

    async def insert(self, name: str, number: int) -> None:
        """Insert a thing. Raises Duplicate for an existing name."""
        await self._rows.insert_one({"_id": name, "number": number})

    async def count_up(self, name: str) -> int:
        """Add one to the thing's number and return it; 0 where it does not exist."""
        row = await self._rows.find_one_and_update({"_id": name}, {"$inc": {"number": 1}})
        return int(row["number"]) if row else 0

    async def all(self) -> list[Document]:
        """Return all things, in order of number."""
        return await self._rows.find({}, sort=[("number", 1)])


class Effects:
    """Effects of consumers, one row each."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("effects")

    async def add(self, thing: str, number: int, event: str) -> None:
        """Add one row; the same event twice gives two rows."""
        await self._rows.insert_one({"thing": thing, "number": number, "event": event})

    async def of(self, thing: str) -> list[int]:
        """Return the numbers in the order of their insertion."""
        return [row["number"] for row in await self._rows.find({"thing": thing}, sort=[("_id", 1)])]

    async def count(self) -> int:
        """Count all effects."""
        return await self._rows.count({})


class Repositories(Scope):
    """The repositories of the service."""

    @property
    def things(self) -> Things:
        """The things."""
        return Things(self)

    @property
    def effects(self) -> Effects:
        """The effects."""
        return Effects(self)


class Tx(Transaction, Repositories):
    """One transaction."""


class Store(Database[Tx], Repositories):
    """The database."""

    transaction_type = Tx
    indexes: ClassVar[Mapping[str, list[Index]]] = {"things": [], "effects": [Index("thing", "number")], "allowed": []}


class NewThing(BaseModel):
    """The body of a POST."""

    name: str = Field(min_length=1, max_length=50)
    number: int = 0


class Thing(BaseModel):
    """A thing in an answer."""

    name: str
    number: int
    borough: str | None


router = Router()
Maker = Annotated[Caller, require("thing:thing:make")]
Db = Annotated[Store, Depends(provided(Store))]


@router.post("/v1/things", status_code=201)
async def make(thing: NewThing, caller: Maker, store: Db) -> Thing:
    """Make a thing; a name can exist once."""
    async with store.transaction() as tx:
        try:
            await tx.things.insert(thing.name, thing.number)
        except Duplicate:
            raise Problem(409, "A thing of this name exists.", type="exists", field="body.name") from None
        await tx.publish(ThingMade(thing=thing.name, number=thing.number))
    return Thing(name=thing.name, number=thing.number, borough=caller.borough)


@router.post("/v1/things/{name}/count")
async def count_up(name: str, caller: Maker, store: Db) -> Thing:
    """Add one to a thing's number."""
    async with store.transaction() as tx:
        number = await tx.things.count_up(name)
        if not number:
            raise Problem(404, "There is no such thing.", type="not-found", field="path.name")
        await tx.publish(ThingMade(thing=name, number=number))
    return Thing(name=name, number=number, borough=caller.borough)


@router.get("/v1/things")
async def list_things(caller: Maker, store: Db) -> list[Thing]:
    """Return all things."""
    return [Thing(name=row["_id"], number=row["number"], borough=caller.borough) for row in await store.things.all()]


def recording(name: str = "recorder", **options: float) -> EventRouter:
    """Return a consumer that writes a row an event; things named `poison...` fail, `wait...` fail until a row in `allowed` lets them."""
    events = EventRouter(name, **options)  # type: ignore[arg-type]

    @events.subscriber(ThingMade)
    async def record(event: ThingMade, about: Envelope, tx: Tx) -> None:
        if event.thing.startswith("poison"):
            raise ValueError("it is poison")
        if event.thing.startswith("wait") and await tx.collection("allowed").find_one({"_id": event.thing}) is None:
            raise RuntimeError("not yet")
        await tx.effects.add(event.thing, event.number, about.id)

    return events


def published(*also: type[Event]) -> EventRouter:
    """Return a router that declares the thing service's events."""
    events = EventRouter("thing")
    events.publishes(ThingMade, *also)
    return events


def build(settings: Settings, *events: EventRouter) -> Service:
    """The thing service."""
    store = Store(settings)
    return Service("thing", settings, store=store, routers=[router], events=[published(), *events])


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a process of this service with these settings."""
    values = {name: getattr(settings, name) for name in Settings.model_fields}
    plain = {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in values.items()}
    return {**os.environ, **{f"THING_{name.upper()}": str(value) for name, value in plain.items()}}


if __name__ == "__main__":
    main("tests.shared.thing", Settings, lambda settings: build(settings, recording()))
