"""Provisional addresses: stored as a citizen typed them until the gazetteer holds them, and visible only to their borough."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.addresses.domain.casework.provisional import Provisional, ProvisionalState, reconciled, withdrawn
from services.addresses.domain.errors import StepRefused
from services.addresses.gazetteer.search.gazetteer import Gazetteer
from services.addresses.store import Tx
from services.addresses.workers.reconcile import Reconciler
from shared.auth import Caller, require
from shared.clock import now
from shared.events import new_id
from shared.http import Page, Problem, Router, position, provided

from .addresses import LONGEST_ADDRESS
from .common import CursorParameter, Db, Id, Limit, Live, Postal, Uprn
from .warnings import Warned, split_postcodes

router = Router(prefix="/v1/addresses/provisional", tags=["provisional addresses"])
Keeper = Annotated[Caller, require("addresses:provisional:write")]
Viewer = Annotated[Caller, require("addresses:provisional:read")]
Officer = Annotated[Caller, require("addresses:provisional:decide")]
Waiting = Annotated[Reconciler, Depends(provided(Reconciler))]


class NewProvisional(BaseModel):
    """An address that the gazetteer lacks."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(min_length=1, max_length=LONGEST_ADDRESS, description="As it was typed")
    postcode: Postal = Field(max_length=16)
    lines: list[Annotated[str, StringConstraints(max_length=200)]] = Field([], max_length=10, description="Where it was typed in lines")
    note: str = Field("", max_length=500, description="For whoever looks for it: the developer's name of the plot, how to find it")


class ProvisionalView(BaseModel):
    """The current state of a provisional address."""

    id: str
    state: ProvisionalState
    address: str = Field(description="As it was typed; empty once withdrawn")
    postcode: str
    lines: list[str]
    note: str
    uprn: str | None = Field(description="Once reconciled")
    confidence: float | None = Field(description="The probability that the UPRN is right; null where an officer gave it")
    release: str | None = Field(description="The release that holds the UPRN")
    created_at: datetime
    changed_at: datetime
    warnings: list[Warned] = Field(description="Where its postcode lies in several boroughs")

    @classmethod
    def of(cls, kept: Provisional, gazetteer: Gazetteer) -> "ProvisionalView":
        """Create the view of a provisional address."""
        return cls(
            id=kept.id,
            state=kept.state,
            address=kept.address,
            postcode=kept.postcode,
            lines=list(kept.lines),
            note=kept.note,
            uprn=kept.uprn or None,
            confidence=kept.confidence,
            release=kept.release or None,
            created_at=kept.created_at,
            changed_at=kept.changed_at,
            warnings=split_postcodes([kept.postcode], gazetteer),
        )


class Reconciliation(BaseModel):
    """The UPRN that an officer assigns."""

    model_config = ConfigDict(extra="forbid")

    uprn: Uprn


@router.post("", status_code=201)
async def keep_provisional(
    new: NewProvisional, *, caller: Keeper, store: Db, live: Live, waiting: Waiting, response: Response
) -> ProvisionalView:
    """Store an address as typed. When a release holds it, at once or later, the service assigns its UPRN and publishes an event."""
    at = now()
    kept = Provisional(
        id=new_id(),
        borough=caller.own_borough,
        address=new.address,
        postcode=new.postcode,
        lines=tuple(new.lines),
        note=new.note,
        created_at=at,
        changed_at=at,
    )
    async with store.transaction() as tx:
        await tx.provisional.add(kept)
        tx.after_commit(waiting.wake)
    response.headers["Location"] = f"{router.prefix}/{kept.id}"
    return ProvisionalView.of(kept, live.gazetteer)


@router.get("")
async def list_provisional(
    *,
    caller: Viewer,
    store: Db,
    live: Live,
    state: Annotated[ProvisionalState | None, Query()] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[ProvisionalView]:
    """List your borough's provisional addresses, newest first."""
    found = await store.provisional.page(borough=caller.own_borough, state=state, before=position(cursor), limit=limit + 1)
    gazetteer = live.gazetteer
    return Page[ProvisionalView].of(found, limit, shown=lambda kept: ProvisionalView.of(kept, gazetteer), id_of=lambda kept: kept.id)


@router.get("/{provisional}")
async def get_provisional(provisional: Id, caller: Viewer, store: Db, live: Live) -> ProvisionalView:
    """Return one of your borough's provisional addresses."""
    kept = await store.provisional.get(provisional, borough=caller.own_borough)
    if kept is None:
        raise _unknown()
    return ProvisionalView.of(kept, live.gazetteer)


@router.post("/{provisional}/reconcile")
async def reconcile_provisional(
    provisional: Id,
    given: Reconciliation,
    *,
    caller: Officer,
    store: Db,
    live: Live,
) -> ProvisionalView:
    """Assign a UPRN, or correct the one that a match assigned. 409 once withdrawn."""
    if live.gazetteer.record(int(given.uprn)) is None:
        raise Problem(400, f"No premises has the UPRN {given.uprn}.", type="invalid-input", field="body.uprn")
    async with store.transaction() as tx:
        before = await _visible(tx, provisional, caller.own_borough)
        uprn, release = str(int(given.uprn)), live.manifest.release
        try:
            after, events = reconciled(before, uprn, confidence=None, release=release, at=now())
        except StepRefused as refusal:
            raise Problem(409, str(refusal), type=refusal.kind) from None
        if events:
            await tx.provisional.save(after, was=before.sequence)
            await tx.publish(*events, borough=before.borough)
    return ProvisionalView.of(after, live.gazetteer)


@router.post("/{provisional}/withdraw")
async def withdraw_provisional(provisional: Id, caller: Keeper, store: Db, live: Live) -> ProvisionalView:
    """Withdraw the address and erase its typed text."""
    async with store.transaction() as tx:
        before = await _visible(tx, provisional, caller.own_borough)
        after = withdrawn(before, at=now())
        if after is not before:
            await tx.provisional.save(after, was=before.sequence)
    return ProvisionalView.of(after, live.gazetteer)


async def _visible(tx: Tx, provisional: str, borough: str) -> Provisional:
    kept = await tx.provisional.get(provisional, borough=borough)
    if kept is None:
        raise _unknown()
    return kept


def _unknown() -> Problem:
    return Problem(404, "There is no such provisional address", type="not-found", field="path.provisional")
