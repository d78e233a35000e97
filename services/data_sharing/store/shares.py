"""Queries about shares as their sender knows them, and about what lies in a recipient's inbox."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from shared.mongo import Document, Scope


@dataclass(frozen=True, slots=True)
class Sent:
    """A share that was made, as its sender knows it. Its content lies in the recipient's inbox alone."""

    id: str
    client_id: str
    reference: str
    recipient: str
    sender: str
    agreement: str
    agreement_revision: int
    purpose: str
    items: list[str]
    fingerprint: str
    """Keyed digest of the request: tells a repeat from another request under the same reference."""
    delivered_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """What lies in a recipient's inbox: reduced to what the agreement allows it, encrypted."""

    id: str
    """The share's id."""
    recipient: str
    sender: str
    agreement: str
    purpose: str
    reference: str
    items: list[str]
    subject: str
    """Pseudonym of the citizen, for the record; not shown to the recipient."""
    content: bytes
    delivered_at: datetime
    first_read_at: datetime | None = None
    sector: str = ""
    """Sector of the pseudonym; empty in a delivery from before sectors were kept, whose sector is its sender's borough."""


class Shares:
    """Shares made, and the refusals that were recorded."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("shares")
        self._refusals = scope.collection("refusals")

    async def of(self, client_id: str, reference: str, recipient: str, purpose: str) -> Sent | None:
        """The share that this client made to this recipient for this purpose under this reference."""
        row = await self._rows.find_one({"client_id": client_id, "reference": reference, "recipient": recipient, "purpose": purpose})
        return Sent(**_fields(row)) if row is not None else None

    async def add(self, share: Sent) -> None:
        """Keep a new share. Raises `Duplicate` when this client made the same one before."""
        await self._rows.insert_one(_row(share))

    async def refuse_once(self, id: str, at: datetime) -> None:  # noqa: A002
        """Note a refusal. Raises `Duplicate` when the same one was noted before."""
        await self._refusals.insert_one({"_id": id, "at": at})


class Inbox:
    """Deliveries; every query is bound to their recipient."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("deliveries")

    async def add(self, delivery: Delivery) -> None:
        """Lay it into its recipient's inbox."""
        await self._rows.insert_one(_row(delivery))

    async def get(self, id: str, *, recipient: str) -> Delivery | None:  # noqa: A002
        """One delivery, where it is this borough's."""
        row = await self._rows.find_one({"_id": id, "recipient": recipient})
        return Delivery(**_fields(row)) if row is not None else None

    async def mark_read(self, id: str, at: datetime) -> bool:  # noqa: A002
        """Note when it was first read; false when that was noted before."""
        return await self._rows.update_one({"_id": id, "first_read_at": None}, {"$set": {"first_read_at": at}})

    async def page(self, *, recipient: str, unread: bool, before: str | None, limit: int) -> list[Delivery]:
        """Newest first, those older than `before`."""
        wanted: Document = {"recipient": recipient}
        if before is not None:
            wanted["_id"] = {"$lt": before}
        if unread:
            wanted["first_read_at"] = None
        return [Delivery(**_fields(row)) for row in await self._rows.find(wanted, sort=[("_id", -1)], limit=limit)]


def _row(thing: Sent | Delivery) -> Document:
    fields = asdict(thing)
    return {"_id": fields.pop("id"), **fields}


def _fields(row: Document) -> dict[str, Any]:
    return {"id" if name == "_id" else name: value for name, value in row.items()}
