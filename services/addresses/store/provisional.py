"""Queries about provisional addresses."""

from dataclasses import asdict
from datetime import datetime

from services.addresses.domain.provisional import Provisional, State
from shared.crypto import Envelope
from shared.mongo import Conflict, Document, Scope

from . import awaiting
from .typed import Typed

_TYPED = ("address", "postcode", "lines", "note")
_DERIVED = ("_id", "awaited", "has_served")


class ProvisionalAddresses:
    """Addresses that wait for their UPRN. What a borough asks for is found where it is that borough's."""

    def __init__(self, scope: Scope, envelope: Envelope) -> None:
        self._rows = scope.collection("provisional")
        self._typed = Typed(scope, "provisional", envelope, _TYPED)

    async def add(self, kept: Provisional) -> None:
        """Keep a new one."""
        await self._typed.add(_row(kept))

    async def get(self, provisional: str, *, borough: str) -> Provisional | None:
        """One of a borough's."""
        return await self._one({"_id": provisional, "borough": borough})

    async def page(self, *, borough: str, state: State | None, before: str | None, limit: int) -> list[Provisional]:
        """A borough's, newest first, those older than `before`."""
        wanted: Document = {"borough": borough}
        if state is not None:
            wanted["state"] = state.value
        if before is not None:
            wanted["_id"] = {"$lt": before}
        rows = await self._rows.find(wanted, sort=[("_id", -1)], limit=limit)
        return [_provisional(row) for row in await self._typed.opened(rows)]

    async def save(self, after: Provisional, *, was: int) -> None:
        """Write the next state. Raises `Conflict` where it is no longer at the sequence `was`. What was typed stays, or is erased."""
        update = self._typed.facts(_row(after), typed=after.typed)
        if not await self._rows.update_one({"_id": after.id, "sequence": was}, update):
            raise Conflict("the address was changed meanwhile")
        if not after.typed:
            await self._typed.erase_key(after.id)

    # for the worker, which works for every borough

    async def untried(self, release: str) -> list[str]:
        """Ids of those that were not looked for in a release."""
        return await awaiting.untried(self._rows, release)

    async def awaited(self, provisional: str) -> Provisional | None:
        """One that still waits."""
        return await self._one({"_id": provisional, "awaited": True})

    async def served(self, before: datetime) -> list[Provisional]:
        """Some whose typed text has served, and which were last changed before."""
        return [_provisional(row) for row in await self._typed.served(before)]

    async def plain(self) -> list[Provisional]:
        """Some of before typed text was sealed."""
        return [_provisional(row) for row in await self._typed.plain()]

    async def seal(self, kept: Provisional) -> None:
        """Seal what was typed of such a one. Raises `Conflict` where it was changed meanwhile."""
        await self._typed.seal(_row(kept))

    async def note_tried(self, provisional: str, release: str) -> None:
        """Note that a release does not hold it."""
        await awaiting.note_tried(self._rows, provisional, release)

    async def _one(self, where: Document) -> Provisional | None:
        row = await self._rows.find_one(where)
        return _provisional((await self._typed.opened([row]))[0]) if row else None


def _row(kept: Provisional) -> Document:
    row = asdict(kept)
    derived = {"awaited": kept.awaited, "has_served": kept.has_served}
    return {"_id": row.pop("id"), **row, "state": kept.state.value, "lines": list(kept.lines), **derived}


def _provisional(row: Document) -> Provisional:
    fields = {name: value for name, value in row.items() if name not in _DERIVED}
    return Provisional(**{**fields, "id": row["_id"], "state": State(row["state"]), "lines": tuple(row["lines"])})
