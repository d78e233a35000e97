"""The inbox: shares from other boroughs to the caller's. Opening a share requires an active agreement, and the record keeps it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel

from contracts.events.data_sharing import ShareRead
from services.data_sharing.domain import record
from services.data_sharing.domain.decision import READ, not_active
from services.data_sharing.store import Store, Tx
from services.data_sharing.store.shares import Delivery
from shared.clock import now
from shared.events import new_id
from shared.http import Page, Problem, Router, position

from .common import CursorParameter, Db, Id, Limit, Organisation, Recipient, Secrets
from .shares import NotAllowed

router = Router(tags=["inbox"])


class Listed(BaseModel):
    """A share in the inbox, without its content."""

    id: str
    sender: Organisation
    agreement: str
    purpose: str
    shared: list[str]
    """Names of its items."""
    delivered_at: datetime
    first_read_at: datetime | None
    """When your borough first opened it."""

    @classmethod
    def of(cls, delivery: Delivery) -> "Listed":
        """Return the view of a delivery."""
        return cls(**_listed(delivery))


class Opened(Listed):
    """A share in the inbox with its content."""

    items: dict[str, str]
    """The items by name; dates in ISO 8601."""


@router.get("/v1/inbox")
async def list_inbox(
    caller: Recipient,
    store: Db,
    unread: Annotated[bool, Query(description="Only shares that nobody of your borough has opened.")] = False,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[Listed]:
    """List the shares with your borough, newest first, without content."""
    found = await store.inbox.page(recipient=caller.own_borough, unread=unread, before=position(cursor), limit=limit + 1)
    return Page[Listed].of(found, limit, shown=Listed.of, id_of=lambda delivery: delivery.id)


@router.get("/v1/inbox/{id}", responses={403: {"description": "The agreement is not active; the attempt is recorded."}})
async def open_share(id: Id, caller: Recipient, store: Db, vault: Secrets) -> Opened:  # noqa: A002
    """Return one share with its content. The citizen sees in their record that your borough opened it, and when."""
    delivery = await store.inbox.get(id, recipient=caller.own_borough)
    if delivery is None:
        raise Problem(404, "There is no such share in your inbox", type="not-found")
    try:
        async with store.transaction() as tx:
            await _record_reading(tx, delivery)
    except NotAllowed as refused:
        await _record_refusal(store, delivery, refused)
        raise refused.problem from None
    return Opened(**_listed(delivery), items=vault.open(delivery.content))


async def _record_reading(tx: Tx, delivery: Delivery) -> None:
    at = now()
    agreement = await tx.agreements.get(delivery.agreement, visible_to=delivery.recipient)
    if agreement is None:
        raise LookupError(f"agreement {delivery.agreement} of a delivery is gone")
    refusal = not_active(agreement)
    if refusal is not None:
        raise NotAllowed(refusal)
    line = record.moved(
        new_id(), record.Action.READ, agreement, _matter(delivery), by=delivery.recipient, items=tuple(delivery.items), at=at
    )
    await tx.record.append(line)
    if delivery.first_read_at is None and await tx.inbox.mark_read(delivery.id, at):
        await tx.publish(
            ShareRead(
                share=delivery.id,
                agreement=delivery.agreement,
                purpose=delivery.purpose,
                recipient=delivery.recipient,
                sender=delivery.sender,
                reference=delivery.reference,
                read_at=at,
                sequence=READ,
            )
        )


async def _record_refusal(store: Store, delivery: Delivery, refused: NotAllowed) -> None:
    line = record.refused(new_id(), refused.refusal, _matter(delivery), by=delivery.recipient, at=now())
    async with store.independent_transaction() as tx:
        await tx.record.append(line)


def _matter(delivery: Delivery) -> record.Matter:
    return record.Matter(
        subject=delivery.subject,
        sector=delivery.sector or delivery.sender,
        purpose=delivery.purpose,
        sender=delivery.sender,
        recipient=delivery.recipient,
        share=delivery.id,
    )


def _listed(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "sender": Organisation.of(delivery.sender),
        "agreement": delivery.agreement,
        "purpose": delivery.purpose,
        "shared": delivery.items,
        "delivered_at": delivery.delivered_at,
        "first_read_at": delivery.first_read_at,
    }
