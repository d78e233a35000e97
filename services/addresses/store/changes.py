"""Queries about change sets (the changes of one activation of a release) and about the feed of published changes.

The feed is a sequence of batches at positions from 1. A run is a contiguous range of positions: the batches of one kind in one change
set. A change set has a few runs. A reader therefore first finds the runs that match, then queries closed ranges of positions in them,
because the embedded engine reads the whole range of a query whatever its limit.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.addresses.domain.releases.changes import Change, Happened
from shared.mongo import Conflict, Duplicate, Scope

AT_ONCE = 4
"""Batches in one query: at most four thousand changes."""
_HEAD = "head"


@dataclass(frozen=True, slots=True)
class Published:
    """Progress of the publication of a change set."""

    batches: int
    """Number of published batches, counted from the first."""
    at: datetime
    """When the first replica found the change set."""
    done: bool


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """Filter for reading the feed; None matches all."""

    happened: Happened | None = None
    release: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive batches of one kind and one change set; `first` and `last` are positions, both inclusive."""

    first: int
    last: int
    happened: Happened
    before: str
    after: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """The changes at one position of the feed."""

    position: int
    run: Run
    changes: list[Change]


class ChangeSets:
    """Change sets that replicas have found."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("change_sets")
        self._releases = scope.collection("releases")

    async def begin(self, key: str, *, before: str, after: str, at: datetime) -> None:
        """Insert a change set unless it exists."""
        with suppress(Duplicate):
            await self._rows.insert_one({"_id": key, "before": before, "after": after, "at": at, "batches": 0, "done": False})

    async def get(self, key: str) -> Published | None:
        """Return its progress; None if it does not exist."""
        row = await self._rows.find_one({"_id": key})
        return Published(row["batches"], row["at"], row["done"]) if row else None

    async def advance(self, key: str, *, batches: int) -> None:
        """Increment the count of published batches. Raises `Conflict` if it is no longer `batches`, or the change set is done."""
        if not await self._rows.update_one({"_id": key, "batches": batches, "done": False}, {"$inc": {"batches": 1}}):
            raise Conflict("another replica has published this batch")

    async def finish(self, key: str) -> None:
        """Mark the change set as completely published."""
        await self._rows.update_one({"_id": key}, {"$set": {"done": True}})

    async def live_at(self, instant: datetime) -> str | None:
        """Find the release that was live at an instant, from the change sets; None before the first known release.

        An activation without changes has no change set, so this does not see it.
        """
        switches = await self._rows.find({}, sort=[("at", 1)])
        earlier = [switch["after"] for switch in switches if switch["at"] <= instant]
        if earlier or not switches:
            return earlier[-1] if earlier else None
        first = await self._releases.find_one({"_id": switches[0]["before"]})
        return str(first["_id"]) if first and first["published_at"] <= instant else None


class Feed:
    """Published changes in the order of publication."""

    def __init__(self, scope: Scope) -> None:
        self._heads = scope.collection("feed")
        self._runs = scope.collection("change_runs")
        self._batches = scope.collection("changes")

    async def append(self, key: str, changes: list[Change], *, before: str, after: str, at: datetime) -> int:
        """Append a batch of changes of one kind, and return its position.

        Call it in a transaction; a concurrent append raises `Conflict`.
        """
        happened = changes[0].happened
        head = await self._heads.find_one_and_update({"_id": _HEAD}, {"$inc": {"position": 1}}, upsert=True)
        position = int(head["position"]) if head else 1
        if not await self._runs.update_one(
            {"change_set": key, "happened": happened.value, "last": position - 1}, {"$set": {"last": position}}
        ):
            run = {"change_set": key, "happened": happened.value, "before": before, "after": after, "at": at}
            await self._runs.insert_one({"_id": position, "first": position, "last": position, **run})
        ends = [[list(change.before), list(change.after)] for change in changes]
        await self._batches.insert_one({"_id": position, "position": position, "changes": ends})
        return position

    async def batches(self, wanted: FeedFilter, *, position: int) -> AsyncIterator[Batch]:
        """Yield the batches that match the filter, from `position` on."""
        for run in await self._runs_of(wanted, position):
            first = max(run.first, position)
            while first <= run.last:
                last = min(first + AT_ONCE - 1, run.last)
                rows = await self._batches.find({"position": {"$gte": first, "$lte": last}}, sort=[("position", 1)])
                for row in rows:
                    yield Batch(row["position"], run, [_change(run.happened, ends) for ends in row["changes"]])
                first = last + 1

    async def _runs_of(self, wanted: FeedFilter, position: int) -> list[Run]:
        where: dict[str, Any] = {"last": {"$gte": position, "$lte": 1 << 62}}
        if wanted.happened:
            where["happened"] = wanted.happened.value
        if wanted.release:
            where["after"] = wanted.release
        if wanted.since:
            where["at"] = {"$gte": wanted.since}
        rows = await self._runs.find(where, sort=[("last", 1)])
        return [Run(row["first"], row["last"], Happened(row["happened"]), row["before"], row["after"], row["at"]) for row in rows]


def _change(happened: Happened, ends: list[list[int]]) -> Change:
    return Change(happened, tuple(ends[0]), tuple(ends[1]))
