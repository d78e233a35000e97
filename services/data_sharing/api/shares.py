"""Shares: a borough sends one citizen's change to another one under an agreement in force, which limits the items."""

import contextlib
from datetime import date
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from contracts.events.data_sharing import ShareDelivered, ShareRefused
from services.data_sharing.domain import record
from services.data_sharing.domain.agreement import Status
from services.data_sharing.domain.boroughs import Borough
from services.data_sharing.domain.decision import DELIVERED, Allowed, Refused, decide, decide_among
from services.data_sharing.domain.text import Item, Slug
from services.data_sharing.store import Store, Tx
from services.data_sharing.store.shares import Delivery, SentShare
from services.data_sharing.vault import Vault
from shared.auth import Caller
from shared.clock import now
from shared.events import new_id
from shared.http import Problem, Router
from shared.mongo import Conflict, Duplicate

from .common import Db, Secrets, Sharer, sector_of

router = Router(tags=["shares"])

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Uprn = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}$")]
Token = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
"""Visible ASCII without spaces: an identifier, never a person's words."""


class Items(BaseModel):
    """Facts about the citizen. Send all that you have; the recipient gets only the items that the agreement permits."""

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
    def _has_an_item(self) -> "Items":
        if not self.given():
            raise ValueError("give at least one item")
        return self

    def given(self) -> dict[Item, str]:
        """Return the items of the request, dates in ISO 8601."""
        return {Item(name): value for name, value in self.model_dump(mode="json", exclude_none=True).items()}


class NewShare(BaseModel):
    """A request to share."""

    model_config = ConfigDict(extra="forbid")

    agreement: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    """Without it, the service uses an agreement in force that permits the share, or refuses and records the refusal."""
    parties: Annotated[tuple[Borough, ...], Field(max_length=33)] = ()
    """Without `agreement`: further boroughs that it must bind."""
    purpose: Slug
    subject: Token
    """The citizen's pseudonym: the `sub` that your client got for them. It identifies nobody in another sector."""
    recipient: Borough
    reference: Token
    """Your reference, without personal data. The same reference to the same recipient for the same purpose is one share."""
    items: Items

    @model_validator(mode="after")
    def _names_no_parties_with_an_agreement(self) -> "NewShare":
        if self.agreement is not None and self.parties:
            raise ValueError("give the agreement or the parties that it must bind, not both")
        return self

    def content(self) -> dict[str, Any]:
        """Return the request for comparison with its repeats. Omits empty `parties`, because earlier versions lacked the field."""
        return self.model_dump(mode="json", exclude=None if self.parties else {"parties"})


class Share(BaseModel):
    """A share."""

    id: str
    agreement: str
    purpose: str
    recipient: str
    reference: str
    shared: list[str]
    """Names of the items that the recipient got."""
    status: Literal["delivered"] = "delivered"

    @classmethod
    def of(cls, sent: SentShare) -> "Share":
        """Return the view of a share."""
        return cls(
            id=sent.id,
            agreement=sent.agreement,
            purpose=sent.purpose,
            recipient=sent.recipient,
            reference=sent.reference,
            shared=sent.items,
        )


class NotAllowed(Exception):  # noqa: N818 (a refusal, not an error of ours)
    """No agreement permits the share."""

    def __init__(self, refusal: Refused) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal

    @property
    def problem(self) -> Problem:
        """The answer to the client."""
        return Problem(403, self.refusal.detail, type=self.refusal.reason.value)


@router.post("/v1/shares", status_code=201, responses={403: {"description": "No agreement allows it; the refusal is recorded."}})
async def share(new: NewShare, caller: Sharer, store: Db, vault: Secrets) -> Share:
    """Send one citizen's change to one borough, limited to the items that an agreement in force permits.

    Name the agreement, or leave it out: then the service uses any that binds your borough, the recipient and `parties`. If none permits the
    share, the answer is 403, and the citizen sees the refusal in their record.

    The transaction reads the agreement, so it sees every suspension that was answered before this request came.
    """
    try:
        async with store.transaction() as tx:
            return Share.of(await _made_before(tx, new, caller, vault) or await _make(tx, new, caller, vault))
    except NotAllowed as refused:
        await _record_refusal(store, new, caller, vault, refused)
        raise refused.problem from None
    except Duplicate as error:
        raise Conflict("the same share is being made at this moment") from error


async def _made_before(tx: Tx, new: NewShare, caller: Caller, vault: Vault) -> SentShare | None:
    sent = await tx.shares.of(caller.client_id, new.reference, new.recipient, new.purpose)
    if sent is not None and sent.fingerprint != vault.digest(new.content()):
        raise Problem(
            409,
            "This reference was used for another share to this recipient for this purpose",
            type="reference-reused",
            field="body.reference",
        )
    return sent


async def _make(tx: Tx, new: NewShare, caller: Caller, vault: Vault) -> SentShare:
    outcome = await _decide(tx, new, caller.own_borough)
    if isinstance(outcome, Refused):
        raise NotAllowed(outcome)
    return await _deliver(tx, new, caller, vault, outcome)


async def _decide(tx: Tx, new: NewShare, sender: str) -> Allowed | Refused:
    """Decide under the named agreement; without one, under those that bind all boroughs of the request."""
    items = new.items.given()
    if new.agreement is not None:
        agreement = await tx.agreements.get(new.agreement, visible_to=sender)
        if agreement is None:
            raise Problem(404, "There is no such agreement", type="not-found", field="body.agreement")
        return decide(agreement, purpose=new.purpose, recipient=new.recipient, items=items)
    boroughs = (sender, new.recipient, *new.parties)
    among = partial(decide_among, boroughs=boroughs, purpose=new.purpose, recipient=new.recipient, items=items)
    outcome = among(await tx.agreements.binding(boroughs, purpose=new.purpose, status=Status.ACTIVE))
    if isinstance(outcome, Allowed):
        return outcome
    return among(await tx.agreements.binding(boroughs))


async def _deliver(tx: Tx, new: NewShare, caller: Caller, vault: Vault, allowed: Allowed) -> SentShare:
    agreement = allowed.agreement
    at, matter = now(), _matter(new, caller, share=new_id())
    id_, sender = str(matter.share), matter.sender
    names = sorted(item.value for item in allowed.content)
    sent = SentShare(
        id=id_,
        client_id=caller.client_id,
        reference=new.reference,
        recipient=new.recipient,
        sender=sender,
        agreement=agreement.ref,
        agreement_revision=agreement.revision,
        purpose=new.purpose,
        items=names,
        fingerprint=vault.digest(new.content()),
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
        sector=matter.sector,
        content=vault.seal({item.value: value for item, value in allowed.content.items()}),
        delivered_at=at,
    )
    line = record.moved(new_id(), record.Action.SHARED, agreement, matter, by=sender, items=tuple(names), at=at)
    await tx.shares.add(sent)
    await tx.inbox.add(delivery)
    await tx.record.append(line)
    await tx.publish(
        ShareDelivered(
            share=id_,
            agreement=agreement.ref,
            purpose=new.purpose,
            recipient=new.recipient,
            sender=sender,
            client=caller.client_id,
            reference=new.reference,
            delivered_at=at,
            sequence=DELIVERED,
        )
    )
    return sent


async def _record_refusal(store: Store, new: NewShare, caller: Caller, vault: Vault, refused: NotAllowed) -> None:
    """Record a refusal, once for the same request and the same state of the agreement."""
    at, matter = now(), _matter(new, caller)
    agreement, reason = refused.refusal.agreement, refused.refusal.reason.value
    id_ = vault.digest([caller.client_id, new.content(), agreement.revision if agreement else 0, reason])
    line = record.refused(new_id(), refused.refusal, matter, by=matter.sender, at=at)
    event = ShareRefused(
        refusal=id_,
        agreement=agreement.ref if agreement else "",
        purpose=new.purpose,
        recipient=new.recipient,
        sender=matter.sender,
        client=caller.client_id,
        reference=new.reference,
        reason=reason,
        refused_at=at,
    )
    with contextlib.suppress(Duplicate):
        async with store.independent_transaction() as tx:
            await tx.shares.add_refusal(id_, at)
            await tx.record.append(line)
            await tx.publish(event)


def _matter(new: NewShare, caller: Caller, *, share: str | None = None) -> record.Matter:
    return record.Matter(
        subject=new.subject,
        sector=sector_of(caller),
        purpose=new.purpose,
        sender=caller.own_borough,
        recipient=new.recipient,
        share=share,
    )
