"""Tell the platform what changed with each switch of releases: every batch once, however many replicas see it and whenever one dies.

A batch, its event and the count of what is published are one transaction. The count guards it: of replicas that publish the same batch
one commits, and the other looks again a little later.
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
    """A change set that is being published, and the file as far as it is read."""

    change_set: ChangeSet
    key: str
    at: datetime
    batches: int
    left: Iterator[list[Change]]


class Publisher:
    """Publishes the change sets of a data dir in their order, then those of the store that it follows. `step` is the work of a chassis
    Worker.

    A change set is known by its number and the releases that it leads from and to; those of a store by the store's numbers, so that each
    is published once although many data dirs follow. Who was made anew counts from 1 again: what differs from all that was published
    is published, and a switch with the same number between the same releases is not repeated.
    """

    def __init__(self, store: Store, data_dir: Path, followed: Path | None = None) -> None:
        self._store = store
        self._folders = [("", data_dir), *([("store:", followed)] if followed else [])]
        self._done: set[str] = set()
        self._reading: _Reading | None = None

    async def step(self) -> int:
        """Publish one batch. 0 where there is none, or another replica was faster."""
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
        """The first change set that is not published, from where it is not."""
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
        """All there are, by the key under which the database knows them."""
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
    """Publishes what changed, seconds after a switch of releases."""
    return Worker("publish changes", Publisher(store, data_dir, followed).step, interval=SECONDS_BETWEEN_LOOKS)


def _event(changes: list[Change], *, before: str, after: str, at: datetime, position: int) -> Event:
    """The event of a batch; its sequence is its position in the feed."""
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
