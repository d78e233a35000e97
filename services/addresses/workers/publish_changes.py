"""Publish the changes of each activation of a release: every batch once, whatever the number of replicas and whenever one dies.

One transaction commits a batch, its event and the count of published batches. The count is the guard: if two replicas publish the same
batch, one commits and the other raises `Conflict` and looks again later.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from contracts.events.addresses import (
    AddressesChanged,
    AddressesCreated,
    AddressesMerged,
    AddressesRetired,
    AddressesSplit,
    Replacement,
)
from contracts.events.base import Event
from services.addresses.domain.releases.changes import Change, Happened
from services.addresses.gazetteer.releases.change_sets import ChangeSet, change_sets
from services.addresses.store import Store
from shared.clock import now
from shared.mongo import Conflict
from shared.worker import Worker

SECONDS_BETWEEN_LOOKS = 2.0


@dataclass(slots=True)
class _Reading:
    """A change set under publication, with the remaining batches of its file."""

    change_set: ChangeSet
    key: str
    at: datetime
    batches: int
    left: Iterator[list[Change]]


class Publisher:
    """Publishes the change sets of a data dir in order, then those of the store that it follows. A chassis `Worker` calls `step`.

    The key of a change set is its number and the releases before and after. A store's change sets carry the store's numbers, so each is
    published once although many data dirs follow the store. A new data dir or store counts from 1 again. Its change sets are published
    unless one with the same number and releases was published before.
    """

    def __init__(self, store: Store, data_dir: Path, followed: Path | None = None) -> None:
        self._store = store
        self._folders = [("", data_dir), *([("store:", followed)] if followed else [])]
        self._done: set[str] = set()
        self._reading: _Reading | None = None

    async def step(self) -> int:
        """Publish one batch and return 1. Returns 0 if there is none, or if another replica was faster."""
        try:
            self._reading = self._reading or await self._next()
            if self._reading is None:
                return 0
            await self._publish(self._reading)
        except Conflict:
            self._reading = None
            return 0
        except BaseException:
            self._reading = None
            raise
        return 1

    async def _next(self) -> _Reading | None:
        """Find the first change set with unpublished batches, positioned at the first of them."""
        for key, change_set in await asyncio.to_thread(self._change_sets):
            if key in self._done:
                continue
            known = await self._store.change_sets.get(key)
            if known is None:
                await self._store.change_sets.begin(key, before=change_set.before, after=change_set.after, at=now())
                known = await self._store.change_sets.get(key)
            if known and not known.done:
                return _Reading(change_set, key, known.at, known.batches, change_set.batches(skip=known.batches))
            self._done.add(key)
        return None

    def _change_sets(self) -> list[tuple[str, ChangeSet]]:
        """List all change sets with their keys in the database."""
        return [
            (f"{whose}{change_set.number}:{change_set.before}:{change_set.after}", change_set)
            for whose, folder in self._folders
            for change_set in change_sets(folder)
        ]

    async def _publish(self, reading: _Reading) -> None:
        changes = await asyncio.to_thread(next, reading.left, None)
        if changes is None:
            await self._store.change_sets.finish(reading.key)
            self._done.add(reading.key)
            self._reading = None
            return
        before, after = reading.change_set.before, reading.change_set.after
        async with self._store.transaction() as tx:
            await tx.change_sets.advance(reading.key, batches=reading.batches)
            position = await tx.feed.append(reading.key, changes, before=before, after=after, at=reading.at)
            await tx.publish(_event(changes, before=before, after=after, at=reading.at, position=position))
        reading.batches += 1


def publisher(store: Store, data_dir: Path, followed: Path | None) -> Worker:
    """Create the worker that publishes changes within seconds of an activation."""
    return Worker("publish changes", Publisher(store, data_dir, followed).step, interval=SECONDS_BETWEEN_LOOKS)


def _event(changes: list[Change], *, before: str, after: str, at: datetime, position: int) -> Event:
    """Create the event of a batch; its sequence is the batch's position in the feed."""
    happened = changes[0].happened
    match happened:
        case Happened.MERGED | Happened.SPLIT:
            replaced = AddressesMerged if happened is Happened.MERGED else AddressesSplit
            pairs = tuple(Replacement(before=_texts(change.before), after=_texts(change.after)) for change in changes)
            return replaced(release=after, release_before=before, replacements=pairs, published_at=at, sequence=position)
        case Happened.CREATED | Happened.CHANGED:
            kind = AddressesCreated if happened is Happened.CREATED else AddressesChanged
            uprns = _texts(uprn for change in changes for uprn in change.after)
            return kind(release=after, release_before=before, uprns=uprns, published_at=at, sequence=position)
        case Happened.RETIRED:
            uprns = _texts(uprn for change in changes for uprn in change.before)
            return AddressesRetired(release=after, release_before=before, uprns=uprns, published_at=at, sequence=position)


def _texts(uprns: Iterable[int]) -> tuple[str, ...]:
    return tuple(map(str, uprns))
