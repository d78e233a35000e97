"""Shares: one citizen's change goes to one party of an active agreement, reduced to what the agreement opens to it."""

import contextlib
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from contracts.events.data_sharing import ShareDelivered, ShareRefused
from services.data_sharing.domain import record
from services.data_sharing.domain.agreement import Agreement
from services.data_sharing.domain.boroughs import Borough
from services.data_sharing.domain.sharing import DELIVERED, Allowed, Refused, decide
from services.data_sharing.domain.text import Item, Slug
from services.data_sharing.store import Store, Tx
from services.data_sharing.store.shares import Delivery, Sent
from services.data_sharing.vault import Vault
from shared.auth import Caller
from shared.clock import now
from shared.events import new_id
from shared.http import Problem, Router
from shared.mongo import Conflict, Duplicate

from .common import Db, Secrets, Sharer

router = Router(tags=["shares"])

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Uprn = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}$")]
Token = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
"""Visible ASCII without spaces: an identifier, never a person's words."""


class Items(BaseModel):
    """Facts about the citizen. Give what you have; the recipient gets only what the agreement opens to it."""

    model_config = ConfigDict(extra="forbid")

    given_name: Name | None = None
    family_name: Name | None = None
    email: Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    phone: Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ()-]{3,30}$")] | None = None
    date_of_birth: date | None = None
    old_uprn: Uprn | None = None
    old_address: Address | None = None
    new_uprn: Uprn | None = None
    new_address: Address | None = None
    new_postcode: Annotated[str, StringConstraints(strip_whitespace=True, min_length=5, max_length=8)] | None = None
    moved_on: date | None = None

    @model_validator(mode="after")
    def _something(self) -> "Items":
        if not self.given():
            raise ValueError("give at least one item")
        return self

    def given(self) -> dict[Item, str]:
        """The items that were given, dates in ISO 8601."""
        return {Item(name): value for name, value in self.model_dump(mode="json", exclude_none=True).items()}


class NewShare(BaseModel):
    """A share to be made."""

    model_config = ConfigDict(extra="forbid")

    agreement: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    purpose: Slug
    subject: Token
    """The citizen's pseudonym: the `sub` that your client got for them."""
    recipient: Borough
    reference: Token
    """Yours, without personal data. The same reference to the same recipient for the same purpose is one share."""
    items: Items


class Share(BaseModel):
    """A share that was made."""

    id: str
    agreement: str
    purpose: str
    recipient: str
    reference: str
    shared: list[str]
    """Names of the items that the recipient got."""
    status: Literal["delivered"] = "delivered"

    @classmethod
    def of(cls, sent: Sent) -> "Share":
        """The view of a share."""
        return cls(
            id=sent.id,
            agreement=sent.agreement,
            purpose=sent.purpose,
            recipient=sent.recipient,
            reference=sent.reference,
            shared=sent.items,
        )


class NotAllowed(Exception):  # noqa: N818 (a refusal, not an error of ours)
    """The agreement does not allow it."""

    def __init__(self, agreement: Agreement, refusal: Refused) -> None:
        super().__init__(refusal.detail)
        self.agreement = agreement
        self.refusal = refusal

    @property
    def problem(self) -> Problem:
        """What the client is told."""
        return Problem(403, self.refusal.detail, type=self.refusal.reason.value)


@router.post("/v1/shares", status_code=201, responses={403: {"description": "The agreement does not allow it; the refusal is recorded."}})
async def share(new: NewShare, caller: Sharer, store: Db, vault: Secrets) -> Share:
    """Send one citizen's change to one party of an agreement, reduced to the items that the agreement opens to it.

    It is decided on the agreement as the transaction sees it. A suspension that was answered before this request came is always seen.
    """
    try:
        async with store.transaction() as tx:
            return Share.of(await _made_before(tx, new, caller, vault) or await _make(tx, new, caller, vault))
    except NotAllowed as refused:
        await _record_refusal(store, new, caller, vault, refused)
        raise refused.problem from None
    except Duplicate as error:
        raise Conflict("the same share is being made at this moment") from error


async def _made_before(tx: Tx, new: NewShare, caller: Caller, vault: Vault) -> Sent | None:
    sent = await tx.shares.of(caller.client_id, new.reference, new.recipient, new.purpose)
    if sent is not None and sent.fingerprint != vault.digest(new.model_dump(mode="json")):
        raise Problem(
            409,
            "This reference was used for another share to this recipient for this purpose",
            type="reference-reused",
            field="body.reference",
        )
    return sent


async def _make(tx: Tx, new: NewShare, caller: Caller, vault: Vault) -> Sent:
    sender = caller.own_borough
    agreement = await tx.agreements.get(new.agreement, visible_to=sender)
    if agreement is None:
        raise Problem(404, "There is no such agreement", type="not-found", field="body.agreement")
    decision = decide(agreement, purpose=new.purpose, recipient=new.recipient, items=new.items.given())
    if isinstance(decision, Refused):
        raise NotAllowed(agreement, decision)
    return await _deliver(tx, new, caller, vault, agreement=agreement, allowed=decision)


async def _deliver(tx: Tx, new: NewShare, caller: Caller, vault: Vault, *, agreement: Agreement, allowed: Allowed) -> Sent:
    sender, at, id_ = caller.own_borough, now(), new_id()
    names = sorted(item.value for item in allowed.content)
    sent = Sent(
        id=id_,
        client_id=caller.client_id,
        reference=new.reference,
        recipient=new.recipient,
        sender=sender,
        agreement=agreement.ref,
        agreement_revision=agreement.revision,
        purpose=new.purpose,
        items=names,
        fingerprint=vault.digest(new.model_dump(mode="json")),
        delivered_at=at,
    )
    delivery = Delivery(
        id=id_,
        recipient=new.recipient,
        sender=sender,
        agreement=agreement.ref,
        purpose=new.purpose,
        reference=new.reference,
        items=names,
        subject=new.subject,
        content=vault.seal({item.value: value for item, value in allowed.content.items()}),
        delivered_at=at,
    )
    line = record.moved(
        new_id(),
        record.Action.SHARED,
        agreement,
        share=id_,
        purpose=new.purpose,
        by=sender,
        recipient=new.recipient,
        subject=new.subject,
        items=tuple(names),
        at=at,
    )
    await tx.shares.add(sent)
    await tx.inbox.add(delivery)
    await tx.record.append(line)
    await tx.publish(
        ShareDelivered(
            share=id_,
            agreement=agreement.ref,
            purpose=new.purpose,
            recipient=new.recipient,
            reference=new.reference,
            delivered_at=at,
            sequence=DELIVERED,
        )
    )
    return sent


async def _record_refusal(store: Store, new: NewShare, caller: Caller, vault: Vault, refused: NotAllowed) -> None:
    """Once for the same request and the same state of the agreement, however often it is sent."""
    at, sender = now(), caller.own_borough
    agreement, reason = refused.agreement, refused.refusal.reason.value
    id_ = vault.digest([caller.client_id, new.model_dump(mode="json"), agreement.revision, reason])
    line = record.refused(
        new_id(), agreement, refused.refusal, purpose=new.purpose, by=sender, recipient=new.recipient, subject=new.subject, at=at
    )
    event = ShareRefused(
        refusal=id_,
        agreement=agreement.ref,
        purpose=new.purpose,
        recipient=new.recipient,
        reference=new.reference,
        reason=reason,
        refused_at=at,
    )
    with contextlib.suppress(Duplicate):
        async with store.separately() as tx:
            await tx.shares.refuse_once(id_, at)
            await tx.record.append(line)
            await tx.publish(event)
