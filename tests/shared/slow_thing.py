"""The thing service with a handler that never returns, as a process to kill; it publishes three events to itself."""

import asyncio

from shared.bus import Envelope, EventRouter
from shared.service import Service, main
from shared.worker import Worker
from tests.shared.thing import Settings, Store, ThingMade, Tx

router = EventRouter("slow")
router.publishes(ThingMade)


@router.subscriber(ThingMade)
async def hang(event: ThingMade, about: Envelope, tx: Tx) -> None:
    """Record the call outside the transaction, and never return."""
    await BEGUN[0].collection("begun").insert_one({"event": about.id})
    await tx.effects.add(event.thing, event.number, about.id)
    await asyncio.Event().wait()


BEGUN: list[Store] = []


def build(settings: Settings) -> Service:
    """Build the service."""
    store = Store(settings)
    BEGUN.append(store)

    async def publish() -> int:
        if await store.collection("things").count({}) == 0:
            async with store.transaction() as tx:
                await tx.things.insert("published", 1)
                await tx.publish(*(ThingMade(thing="slow", number=number) for number in range(3)))
        return 0

    return Service("thing", settings, store=store, events=[router], workers=[Worker("publish", publish)])


if __name__ == "__main__":
    main("tests.shared.slow_thing", Settings, build)
