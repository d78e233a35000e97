"""A process of the thing service that makes thing `held` in a transaction, prints a line, and never commits."""

import asyncio
import sys

from tests.shared.thing import Settings, build


async def _hold() -> None:
    service = build(Settings.load())
    await service.start()
    async with service.store.transaction() as tx:
        await tx.things.insert("held", 1)
        sys.stdout.write("held\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_hold())
