"""Reads the outbox in an order in which the rows of each key ascend.

Three things could return a later row of a key without an earlier one, and none does:

- *The clocks.* Rows sort by `order`, which the publishing transaction took (`shared.mongo.outbox_rows`).
- *The scan.* A server may let others write in the middle of a query. A cursor would then pass the place of sequence 4 before its commit
  and still see sequence 5. So each query reads one snapshot: a snapshot with 5 has 4.
- *The page.* If more rows wait than fit, a page holds the lowest orders of its shard, and so all rows below any row on it.

With the lowest first, a key of high sequences would wait for as long as new keys arrive. So every few looks a crowded shard returns the
rows of the keys that have waited longest, with all lower rows *of these keys*.
"""

import asyncio
from collections.abc import Mapping, Sized
from dataclasses import dataclass
from typing import Any

from shared.mongo import Database, Document
from shared.mongo.outbox_rows import order_of_earlier

PAGE = 2000
"""Rows of one read."""
FAIR_EVERY = 4
"""One in this number of looks at a crowded shard is for the keys that have waited longest."""
FAIR_ROWS = 10
"""The oldest rows whose keys such a look takes; few, so that all rows of these keys fit on a page."""
_ASCENDING = [("shard", 1), ("order", 1)]


@dataclass(frozen=True)
class Page:
    """The rows to send next, and the shards that may have more."""

    rows: list[Document]
    crowded: set[int]


@dataclass(frozen=True)
class _Look:
    """One query of a read."""

    shards: set[int]
    limit: int
    known: int
    """Acknowledged rows that the query may still find; they are added to the limit."""
    fair: bool


class Backlog:
    """The outbox of one service, as its relay reads it."""

    def __init__(self, database: Database[Any]) -> None:
        self._database = database
        self._outbox = database.collection("outbox")
        self._crowded: set[int] = set()
        """Shards that may have more rows than fit on a page. Each has a query of its own, because a server may sort all before it cuts."""
        self._looks = 0

    def gained(self, shards: set[int]) -> None:
        """Notes shards that this replica has taken over: they may be crowded."""
        self._crowded |= shards

    async def read(self, shards: set[int], acknowledged: Mapping[int, Sized]) -> Page:
        """Reads rows of these shards, beyond the `acknowledged` ones that may still be in the outbox."""
        self._looks += 1
        quiet, crowded = shards - self._crowded, shards & self._crowded
        share = max(100, PAGE // max(1, len(crowded)))
        fair = self._looks % FAIR_EVERY == 0
        looks = [_Look({shard}, share, len(acknowledged[shard]), fair=fair) for shard in sorted(crowded)]
        if quiet:
            looks.append(_Look(quiet, PAGE, sum(len(acknowledged[shard]) for shard in quiet), fair=False))
        pages = await asyncio.gather(*(self._page(look) for look in looks))
        if any("order" not in row for page in pages for row in page):
            await self._order_earlier(shards)
            return Page([], shards)
        full: set[int] = set()
        for look, page in zip(looks, pages, strict=True):
            if look.fair or len(page) >= look.limit + look.known:
                full |= look.shards
        self._crowded = (self._crowded - shards) | full
        return Page([row for page in pages for row in page], full)

    async def _page(self, look: "_Look") -> list[Document]:
        where: Document = {"shard": next(iter(look.shards)) if len(look.shards) == 1 else {"$in": sorted(look.shards)}}
        limit = look.limit
        if look.fair:
            oldest = await self._database.snapshot("outbox", where, sort=[("_id", 1)], limit=FAIR_ROWS + look.known, projection={"key": 1})
            where["key"] = {"$in": sorted({row["key"] for row in oldest})}
            limit = PAGE
        return await self._database.snapshot("outbox", where, sort=_ASCENDING, limit=limit + look.known)

    async def _order_earlier(self, shards: set[int]) -> None:
        """Gives an order to rows of a release without one, before anything of their shards is sent. They sort before all others."""
        async for row in self._outbox.iterate({"shard": {"$in": sorted(shards)}, "order": None}):
            await self._outbox.update_one({"_id": row["_id"]}, {"$set": {"order": order_of_earlier(row)}})
