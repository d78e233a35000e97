"""Agreements: one party drafts, all sign, any suspends. Only their parties see them; other boroughs get 404."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated

from fastapi import Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from services.data_sharing.agreement_steps import save_step
from services.data_sharing.domain import agreement as steps
from services.data_sharing.domain.agreement import Agreement, Change, Status, StepRefused
from services.data_sharing.domain.boroughs import Borough
from services.data_sharing.domain.text import Line, Permission, Purpose, Role, Slug, Text
from services.data_sharing.store import Store
from shared.clock import now
from shared.events import new_id
from shared.http import Page, Problem, Router, position

from .common import CursorParameter, Db, Drafter, Id, Limit, Organisation, Reader, Signatory

MOST_VALUES = 20_000
"""The most JSON values of a body: a text with a thousand permissions of eleven items."""

router = Router(tags=["agreements"], most_values=MOST_VALUES)

IfMatch = Annotated[
    str | None,
    Header(
        max_length=200,
        description="The revision that you have seen, as the `ETag` gave it; 412 when it is no longer the current one.",
    ),
]
Step = Callable[[Agreement], Change]


class NewSignature(BaseModel):
    """An officer's signature over the exact text."""

    model_config = ConfigDict(extra="forbid")

    person: Line
    """The officer's name."""
    position: Line
    text_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of the text that the officer read: the bytes of `GET /v1/agreements/{ref}/text`, hexadecimal."""


class PartyView(BaseModel):
    """A party."""

    borough: Organisation
    role: Role


class SignatureView(BaseModel):
    """A signature."""

    borough: Organisation
    person: str
    position: str
    text_sha256: str
    signed_at: datetime


class AgreementView(BaseModel):
    """An agreement, as its parties see it."""

    ref: str
    title: str
    version: int
    status: Status
    revision: int
    parties: list[PartyView]
    purposes: list[Purpose]
    permissions: list[Permission]
    review_on: date
    text_sha256: str
    signatures: list[SignatureView]
    awaiting: list[Organisation]
    """The parties that have not signed."""
    suspended_by: list[Organisation]
    drafted_by: Organisation
    drafted_at: datetime
    active_since: datetime | None
    changed_at: datetime

    @classmethod
    def of(cls, agreement: Agreement) -> "AgreementView":
        """Return the view of an agreement."""
        text = agreement.text
        return cls(
            ref=agreement.ref,
            title=text.title,
            version=text.version,
            status=agreement.status,
            revision=agreement.revision,
            parties=[PartyView(borough=Organisation.of(party.borough), role=party.role) for party in text.parties],
            purposes=list(text.purposes),
            permissions=list(text.permissions),
            review_on=text.review_on,
            text_sha256=agreement.text_sha256,
            signatures=[
                SignatureView(borough=Organisation.of(one.borough), **one.model_dump(exclude={"borough", "client_id"}))
                for one in agreement.signatures
            ],
            awaiting=[Organisation.of(borough) for borough in agreement.unsigned],
            suspended_by=[Organisation.of(borough) for borough in agreement.suspended_by],
            drafted_by=Organisation.of(agreement.drafted_by),
            drafted_at=agreement.drafted_at,
            active_since=agreement.active_since,
            changed_at=agreement.changed_at,
        )


@router.post("/v1/agreements", status_code=201)
async def draft_agreement(text: Text, caller: Drafter, store: Db, response: Response) -> AgreementView:
    """Draft an agreement. Your borough must be one of its parties; all parties see the draft."""
    by, at, ref = caller.own_borough, now(), new_id()
    try:
        change = steps.draft(ref, text, by=by, at=at)
    except StepRefused as refusal:
        raise Problem(400, str(refusal), type=refusal.kind, field="body.parties") from None
    async with store.transaction() as tx:
        await save_step(tx, change, before=None, by=by, at=at)
    response.headers["Location"] = f"/v1/agreements/{ref}"
    return _shown(change.agreement, response)


@router.get("/v1/agreements")
async def list_agreements(
    *,
    caller: Reader,
    store: Db,
    party: Annotated[list[Borough] | None, Query(max_length=33, description="Bound by the agreement, each of them.")] = None,
    purpose: Annotated[Slug | None, Query()] = None,
    status: Annotated[Status | None, Query()] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[AgreementView]:
    """List your borough's agreements, by ref."""
    found = await store.agreements.page(
        visible_to=caller.own_borough, parties=party or [], purpose=purpose, status=status, after=position(cursor) or "", limit=limit + 1
    )
    return Page[AgreementView].of(found, limit, shown=AgreementView.of, id_of=lambda agreement: agreement.ref)


@router.get("/v1/agreements/{ref}")
async def get_agreement(ref: Id, caller: Reader, store: Db, response: Response) -> AgreementView:
    """Return one agreement."""
    return _shown(await _visible(store, ref, caller.own_borough), response)


@router.get("/v1/agreements/{ref}/text", responses={200: {"content": {"application/json": {}}}})
async def get_text(ref: Id, caller: Reader, store: Db) -> Response:
    """Return the exact text, in canonical JSON (RFC 8785): the parties sign the SHA-256 of these bytes."""
    agreement = await _visible(store, ref, caller.own_borough)
    return Response(agreement.text.canonical(ref), media_type="application/json")


@router.post("/v1/agreements/{ref}/submit")
async def submit_agreement(ref: Id, caller: Drafter, store: Db, response: Response, if_match: IfMatch = None) -> AgreementView:
    """Fix the text for signature by every party."""
    return await _apply(
        store, ref, lambda agreement: steps.submit(agreement, at=now()), by=caller.own_borough, if_match=if_match, response=response
    )


@router.post("/v1/agreements/{ref}/sign")
async def sign_agreement(
    ref: Id, signature: NewSignature, *, caller: Signatory, store: Db, response: Response, if_match: IfMatch = None
) -> AgreementView:
    """Sign for your borough. The last signature brings the agreement into force."""
    borough = caller.own_borough
    signed = steps.Signature(**signature.model_dump(), borough=borough, client_id=caller.client_id, signed_at=now())
    return await _apply(store, ref, lambda agreement: steps.sign(agreement, signed), by=borough, if_match=if_match, response=response)


@router.post("/v1/agreements/{ref}/suspend")
async def suspend_agreement(ref: Id, caller: Drafter, store: Db, response: Response, if_match: IfMatch = None) -> AgreementView:
    """Stop all sharing under the agreement at once. The service refuses every share requested after this answer."""
    by = caller.own_borough
    return await _apply(
        store, ref, lambda agreement: steps.suspend(agreement, by=by, at=now()), by=by, if_match=if_match, response=response
    )


@router.post("/v1/agreements/{ref}/resume")
async def resume_agreement(ref: Id, caller: Drafter, store: Db, response: Response, if_match: IfMatch = None) -> AgreementView:
    """Lift your borough's own suspension."""
    by = caller.own_borough
    return await _apply(store, ref, lambda agreement: steps.resume(agreement, by=by, at=now()), by=by, if_match=if_match, response=response)


@router.post("/v1/agreements/{ref}/terminate")
async def terminate_agreement(ref: Id, caller: Drafter, store: Db, response: Response, if_match: IfMatch = None) -> AgreementView:
    """End the agreement for good."""
    by = caller.own_borough
    return await _apply(
        store, ref, lambda agreement: steps.terminate(agreement, by=by, at=now()), by=by, if_match=if_match, response=response
    )


async def _visible(store: Store, ref: str, borough: str) -> Agreement:
    agreement = await store.agreements.get(ref, visible_to=borough)
    if agreement is None:
        raise _unknown()
    return agreement


async def _apply(store: Store, ref: str, step: Step, *, by: str, if_match: str | None, response: Response) -> AgreementView:
    async with store.transaction() as tx:
        before = await tx.agreements.get(ref, visible_to=by)
        if before is None:
            raise _unknown()
        if if_match is not None and if_match.strip() not in ("*", _tag(before)):
            raise Problem(412, "The agreement has changed since you saw it", type="changed-meanwhile", field="header.if-match")
        try:
            change = step(before)
        except StepRefused as refusal:
            raise Problem(409, str(refusal), type=refusal.kind) from None
        await save_step(tx, change, before=before, by=by, at=change.agreement.changed_at)
    return _shown(change.agreement, response)


def _unknown() -> Problem:
    return Problem(404, "There is no such agreement", type="not-found")


def _tag(agreement: Agreement) -> str:
    return f'"{agreement.revision}"'


def _shown(agreement: Agreement, response: Response) -> AgreementView:
    response.headers["ETag"] = _tag(agreement)
    return AgreementView.of(agreement)
