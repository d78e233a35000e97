"""Queries about shares on their sender's side, and about deliveries in a recipient's inbox."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from shared.mongo import Document, Scope


@dataclass(frozen=True, slots=True)
class SentShare:
    """A share on its sender's side. Only the recipient's inbox has its content."""

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
    """Keyed digest of the request, which distinguishes a repeat from another request under the same reference."""
    delivered_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """A share in its recipient's inbox: the items that the agreement permits, encrypted."""

    id: str
    """The share's id."""
    recipient: str
    sender: str
    agreement: str
    purpose: str
    reference: str
    items: list[str]
    subject: str
    """Pseudonym of the citizen, for the record; the recipient does not see it."""
    content: bytes
    delivered_at: datetime
    first_read_at: datetime | None = None
    sector: str = ""
    """Sector of the pseudonym. Empty in deliveries older than this field: then it is the sender's borough."""


class Shares:
    """Shares made, and recorded refusals."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("shares")
        self._refusals = scope.collection("refusals")

    async def of(self, client_id: str, reference: str, recipient: str, purpose: str) -> SentShare | None:
        """Return the share that this client made to this recipient for this purpose under this reference."""
        row = await self._rows.find_one({"client_id": client_id, "reference": reference, "recipient": recipient, "purpose": purpose})
        return SentShare(**_fields(row)) if row is not None else None

    async def add(self, share: SentShare) -> None:
        """Write a new share. Raises `Duplicate` if this client made the same one before."""
        await self._rows.insert_one(_row(share))

    async def add_refusal(self, id: str, at: datetime) -> None:  # noqa: A002
        """Write a refusal. Raises `Duplicate` if it was written before."""
        await self._refusals.insert_one({"_id": id, "at": at})


class Inbox:
    """Deliveries. Every query is limited to one recipient."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("deliveries")

    async def add(self, delivery: Delivery) -> None:
        """Write a delivery."""
        await self._rows.insert_one(_row(delivery))

    async def get(self, id: str, *, recipient: str) -> Delivery | None:  # noqa: A002
        """Return one delivery if it is this borough's."""
        row = await self._rows.find_one({"_id": id, "recipient": recipient})
        return Delivery(**_fields(row)) if row is not None else None

    async def mark_read(self, id: str, at: datetime) -> bool:  # noqa: A002
        """Note the time of the first reading. Returns False if it was noted before."""
        return await self._rows.update_one({"_id": id, "first_read_at": None}, {"$set": {"first_read_at": at}})

    async def page(self, *, recipient: str, unread: bool, before: str | None, limit: int) -> list[Delivery]:
        """Return the deliveries older than `before`, newest first."""
        wanted: Document = {"recipient": recipient}
        if before is not None:
            wanted["_id"] = {"$lt": before}
        if unread:
            wanted["first_read_at"] = None
        return [Delivery(**_fields(row)) for row in await self._rows.find(wanted, sort=[("_id", -1)], limit=limit)]


def _row(thing: SentShare | Delivery) -> Document:
    fields = asdict(thing)
    return {"_id": fields.pop("id"), **fields}


def _fields(row: Document) -> dict[str, Any]:
    return {"id" if name == "_id" else name: value for name, value in row.items()}
