"""Queries about provisional addresses."""

from dataclasses import asdict

from services.addresses.domain.provisional import Provisional, State
from shared.mongo import Conflict, Document, Scope

from . import awaiting


class ProvisionalAddresses:
    """Addresses that wait for their UPRN. What a borough asks for is found where it is that borough's."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("provisional")

    async def add(self, kept: Provisional) -> None:
        """Keep a new one."""
        await self._rows.insert_one(_row(kept))

    async def get(self, provisional: str, *, borough: str) -> Provisional | None:
        """One of a borough's."""
        row = await self._rows.find_one({"_id": provisional, "borough": borough})
        return _provisional(row) if row else None

    async def page(self, *, borough: str, state: State | None, before: str | None, limit: int) -> list[Provisional]:
        """A borough's, newest first, those older than `before`."""
        wanted: Document = {"borough": borough}
        if state is not None:
            wanted["state"] = state.value
        if before is not None:
            wanted["_id"] = {"$lt": before}
        return [_provisional(row) for row in await self._rows.find(wanted, sort=[("_id", -1)], limit=limit)]

    async def save(self, after: Provisional, *, was: int) -> None:
        """Write the next state. Raises `Conflict` where it is no longer at the sequence `was`."""
        row = _row(after)
        if not await self._rows.replace_one({"_id": row["_id"], "sequence": was}, row):
            raise Conflict("the address was changed meanwhile")

    # for the worker, which works for every borough

    async def untried(self, release: str) -> list[str]:
        """Ids of those that were not looked for in a release."""
        return await awaiting.untried(self._rows, release)

    async def awaited(self, provisional: str) -> Provisional | None:
        """One that still waits."""
        row = await self._rows.find_one({"_id": provisional, "awaited": True})
        return _provisional(row) if row else None

    async def note_tried(self, provisional: str, release: str) -> None:
        """Note that a release does not hold it."""
        await awaiting.note_tried(self._rows, provisional, release)


def _row(kept: Provisional) -> Document:
    row = asdict(kept)
    return {"_id": row.pop("id"), **row, "state": kept.state.value, "lines": list(kept.lines), "awaited": kept.awaited}


def _provisional(row: Document) -> Provisional:
    fields = {name: value for name, value in row.items() if name not in ("_id", "awaited")}
    return Provisional(**{**fields, "id": row["_id"], "state": State(row["state"]), "lines": tuple(row["lines"])})
