"""Queries about reports of what is wrong with the gazetteer."""

from dataclasses import asdict

from services.addresses.domain.reports import Kind, Report, Status
from shared.mongo import Conflict, Document, Scope

from . import awaiting


class Reports:
    """Reports. A borough sees those about its own places, and those that its own systems sent."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("reports")

    async def add(self, report: Report) -> None:
        """Keep a new one."""
        await self._rows.insert_one(_row(report))

    async def get(self, report: str, *, visible_to: str) -> Report | None:
        """One that a borough may see."""
        row = await self._rows.find_one({"_id": report})
        return _report(row) if row and visible_to in (row["borough"], row["reported_by"]) else None

    async def page(self, *, borough: str, status: Status | None, kind: Kind | None, before: str | None, limit: int) -> list[Report]:
        """Those about a borough's places, newest first, those older than `before`."""
        wanted: Document = {"borough": borough}
        if status is not None:
            wanted["status"] = status.value
        if kind is not None:
            wanted["kind"] = kind.value
        if before is not None:
            wanted["_id"] = {"$lt": before}
        return [_report(row) for row in await self._rows.find(wanted, sort=[("_id", -1)], limit=limit)]

    async def save(self, after: Report, *, was: int) -> None:
        """Write the next state. Raises `Conflict` where it is no longer at the sequence `was`."""
        row = _row(after)
        if not await self._rows.replace_one({"_id": row["_id"], "sequence": was}, row):
            raise Conflict("the report was changed meanwhile")

    # for the worker, which works for every borough

    async def untried(self, release: str) -> list[str]:
        """Ids of those whose missing address was not looked for in a release."""
        return await awaiting.untried(self._rows, release)

    async def awaited(self, report: str) -> Report | None:
        """One whose address is still missing."""
        row = await self._rows.find_one({"_id": report, "awaited": True})
        return _report(row) if row else None

    async def note_tried(self, report: str, release: str) -> None:
        """Note that a release does not hold the address."""
        await awaiting.note_tried(self._rows, report, release)


def _row(report: Report) -> Document:
    row = asdict(report)
    return {"_id": row.pop("id"), **row, "kind": report.kind.value, "status": report.status.value, "awaited": report.awaited}


def _report(row: Document) -> Report:
    fields = {name: value for name, value in row.items() if name not in ("_id", "awaited")}
    return Report(**{**fields, "id": row["_id"], "kind": Kind(row["kind"]), "status": Status(row["status"])})
