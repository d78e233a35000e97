"""Queries about reports of what is wrong with the gazetteer."""

from dataclasses import asdict
from datetime import datetime

from services.addresses.domain.reports import Kind, Report, Status
from shared.crypto import Envelope
from shared.mongo import Conflict, Document, Scope

from . import awaiting
from .typed import Typed

_TYPED = ("address", "text")
_DERIVED = ("_id", "awaited", "has_served")


class Reports:
    """Reports. A borough sees those about its own places, and those that its own systems sent."""

    def __init__(self, scope: Scope, envelope: Envelope) -> None:
        self._rows = scope.collection("reports")
        self._typed = Typed(scope, "reports", envelope, _TYPED)

    async def add(self, report: Report) -> None:
        """Keep a new one."""
        await self._typed.add(_row(report))

    async def get(self, report: str, *, visible_to: str) -> Report | None:
        """One that a borough may see."""
        found = await self._one({"_id": report})
        return found if found and visible_to in (found.borough, found.reported_by) else None

    async def page(self, *, borough: str, status: Status | None, kind: Kind | None, before: str | None, limit: int) -> list[Report]:
        """Those about a borough's places, newest first, those older than `before`."""
        wanted: Document = {"borough": borough}
        if status is not None:
            wanted["status"] = status.value
        if kind is not None:
            wanted["kind"] = kind.value
        if before is not None:
            wanted["_id"] = {"$lt": before}
        rows = await self._rows.find(wanted, sort=[("_id", -1)], limit=limit)
        return [_report(row) for row in await self._typed.opened(rows)]

    async def save(self, after: Report, *, was: int) -> None:
        """Write the next state. Raises `Conflict` where it is no longer at the sequence `was`. What was typed stays, or is erased."""
        update = self._typed.facts(_row(after), typed=after.typed)
        if not await self._rows.update_one({"_id": after.id, "sequence": was}, update):
            raise Conflict("the report was changed meanwhile")
        if not after.typed:
            await self._typed.erase_key(after.id)

    # for the worker, which works for every borough

    async def untried(self, release: str) -> list[str]:
        """Ids of those whose missing address was not looked for in a release."""
        return await awaiting.untried(self._rows, release)

    async def awaited(self, report: str) -> Report | None:
        """One whose address is still missing."""
        return await self._one({"_id": report, "awaited": True})

    async def served(self, before: datetime) -> list[Report]:
        """Some whose typed text has served, and which were last changed before."""
        return [_report(row) for row in await self._typed.served(before)]

    async def plain(self) -> list[Report]:
        """Some of before typed text was sealed."""
        return [_report(row) for row in await self._typed.plain()]

    async def seal(self, report: Report) -> None:
        """Seal what was typed of such a one. Raises `Conflict` where it was changed meanwhile."""
        await self._typed.seal(_row(report))

    async def note_tried(self, report: str, release: str) -> None:
        """Note that a release does not hold the address."""
        await awaiting.note_tried(self._rows, report, release)

    async def _one(self, where: Document) -> Report | None:
        row = await self._rows.find_one(where)
        return _report((await self._typed.opened([row]))[0]) if row else None


def _row(report: Report) -> Document:
    row = asdict(report)
    derived = {"awaited": report.awaited, "has_served": report.has_served}
    return {"_id": row.pop("id"), **row, "kind": report.kind.value, "status": report.status.value, **derived}


def _report(row: Document) -> Report:
    fields = {name: value for name, value in row.items() if name not in _DERIVED}
    return Report(**{**fields, "id": row["_id"], "kind": Kind(row["kind"]), "status": Status(row["status"])})
