"""Queries about reports of errors in the gazetteer."""

from dataclasses import asdict

from services.addresses.domain.casework.reports import Report, ReportKind, Status
from shared.mongo import Document

from .typed import DERIVED, EncryptedRows


class Reports(EncryptedRows[Report]):
    """Reports of errors. A borough sees those about its own places, and those that its own systems sent."""

    collection = "reports"
    fields = ("address", "text")

    async def get(self, report: str, *, visible_to: str) -> Report | None:
        """Return a report that the borough may see, or None."""
        found = await self._one({"_id": report})
        return found if found and visible_to in (found.borough, found.reported_by) else None

    async def page(self, *, borough: str, status: Status | None, kind: ReportKind | None, before: str | None, limit: int) -> list[Report]:
        """List the reports about a borough's places, newest first, with ids below `before`."""
        wanted: Document = {"borough": borough}
        if status is not None:
            wanted["status"] = status.value
        if kind is not None:
            wanted["kind"] = kind.value
        if before is not None:
            wanted["_id"] = {"$lt": before}
        return await self._opened(await self._rows.find(wanted, sort=[("_id", -1)], limit=limit))

    def _row(self, kept: Report) -> Document:
        row = asdict(kept)
        derived = {"awaited": kept.awaited, "has_served": kept.has_served}
        return {"_id": row.pop("id"), **row, "kind": kept.kind.value, "status": kept.status.value, **derived}

    def _read(self, row: Document) -> Report:
        fields = {name: value for name, value in row.items() if name not in DERIVED}
        return Report(**{**fields, "id": row["_id"], "kind": ReportKind(row["kind"]), "status": Status(row["status"])})
