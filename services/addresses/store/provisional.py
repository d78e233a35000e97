"""Queries about provisional addresses."""

from dataclasses import asdict

from services.addresses.domain.casework.provisional import Provisional, ProvisionalState
from shared.mongo import Document

from .typed import DERIVED, EncryptedRows


class ProvisionalAddresses(EncryptedRows[Provisional]):
    """Addresses that wait for their UPRN. A borough's query finds only that borough's addresses."""

    collection = "provisional"
    fields = ("address", "postcode", "lines", "note")

    async def get(self, provisional: str, *, borough: str) -> Provisional | None:
        """Return a borough's provisional address, or None."""
        return await self._one({"_id": provisional, "borough": borough})

    async def page(self, *, borough: str, state: ProvisionalState | None, before: str | None, limit: int) -> list[Provisional]:
        """List a borough's provisional addresses, newest first, with ids below `before`."""
        wanted: Document = {"borough": borough}
        if state is not None:
            wanted["state"] = state.value
        if before is not None:
            wanted["_id"] = {"$lt": before}
        return await self._opened(await self._rows.find(wanted, sort=[("_id", -1)], limit=limit))

    def _row(self, kept: Provisional) -> Document:
        row = asdict(kept)
        derived = {"awaited": kept.awaited, "has_served": kept.has_served}
        return {"_id": row.pop("id"), **row, "state": kept.state.value, "lines": list(kept.lines), **derived}

    def _read(self, row: Document) -> Provisional:
        fields = {name: value for name, value in row.items() if name not in DERIVED}
        return Provisional(**{**fields, "id": row["_id"], "state": ProvisionalState(row["state"]), "lines": tuple(row["lines"])})
