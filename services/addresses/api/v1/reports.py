"""Reports that an address is missing, wrong or duplicated. The borough of the place decides them."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from services.addresses.domain.casework.reports import Report, ReportKind, Status, decided
from services.addresses.domain.errors import StepRefused
from services.addresses.domain.geography.postcode import Postcode
from services.addresses.gazetteer.search.gazetteer import Gazetteer
from services.addresses.workers.reconcile import Reconciler
from shared.auth import Caller, require
from shared.clock import now
from shared.events import new_id
from shared.http import Page, Problem, Router, position, provided

from .addresses import LONGEST_ADDRESS
from .common import CursorParameter, Db, Id, Limit, Live, Postal, Uprn
from .warnings import Warned, split_postcodes

router = Router(prefix="/v1/addresses/reports", tags=["reports"])
Reporter = Annotated[Caller, require("addresses:report:write")]
Viewer = Annotated[Caller, require("addresses:report:read")]
Officer = Annotated[Caller, require("addresses:report:decide")]
Waiting = Annotated[Reconciler, Depends(provided(Reconciler))]


class NewReport(BaseModel):
    """An error in the gazetteer. Give its place by a UPRN (the building's, if a flat is missing) or by a postcode."""

    model_config = ConfigDict(extra="forbid")

    kind: ReportKind
    uprn: Uprn | None = None
    postcode: Annotated[Postal, Field(max_length=16)] | None = None
    address: str = Field("", max_length=LONGEST_ADDRESS, description="What is missing, as it was typed: it is looked for in later releases")
    text: str = Field("", max_length=1_000, description="In your own words, without anybody's name")


class ReportView(BaseModel):
    """The current state of a report."""

    id: str
    kind: ReportKind
    status: Status
    borough: str = Field(description="GSS code of the borough that decides")
    uprn: str | None
    postcode: str | None
    address: str
    text: str
    reason: str = Field(description="Why it was decided so")
    resolved_uprn: str | None = Field(description="The UPRN of what was missing")
    created_at: datetime
    changed_at: datetime
    warnings: list[Warned] = Field(description="Where its postcode lies in several boroughs")

    @classmethod
    def of(cls, report: Report, gazetteer: Gazetteer) -> "ReportView":
        """Create the view of a report."""
        return cls(
            id=report.id,
            kind=report.kind,
            status=report.status,
            borough=report.borough,
            uprn=report.uprn or None,
            postcode=report.postcode or None,
            address=report.address,
            text=report.text,
            reason=report.reason,
            resolved_uprn=report.resolved_uprn or None,
            created_at=report.created_at,
            changed_at=report.changed_at,
            warnings=split_postcodes([report.postcode], gazetteer),
        )


class ReportDecision(BaseModel):
    """The borough's decision."""

    model_config = ConfigDict(extra="forbid")

    status: Literal[Status.ACCEPTED, Status.REJECTED, Status.RESOLVED]
    reason: str = Field("", max_length=500)
    uprn: Uprn | None = Field(None, description="Of what was missing, where it is resolved")


@router.post("", status_code=201)
async def create_report(new: NewReport, *, caller: Reporter, store: Db, live: Live, waiting: Waiting, response: Response) -> ReportView:
    """Report an error. When this release or a later one holds a missing address, the service resolves the report."""
    _require_enough(new)
    at, own = now(), caller.own_borough
    report = Report(
        id=new_id(),
        kind=new.kind,
        borough=_place(live.gazetteer, new) or own,
        reported_by=own,
        created_at=at,
        changed_at=at,
        uprn=str(int(new.uprn)) if new.uprn else "",
        postcode=new.postcode or "",
        address=new.address,
        text=new.text,
    )
    async with store.transaction() as tx:
        await tx.reports.add(report)
        tx.after_commit(waiting.wake)
    response.headers["Location"] = f"{router.prefix}/{report.id}"
    return ReportView.of(report, live.gazetteer)


@router.get("")
async def list_reports(
    *,
    caller: Viewer,
    store: Db,
    live: Live,
    status: Annotated[Status | None, Query()] = None,
    kind: Annotated[ReportKind | None, Query()] = None,
    cursor: CursorParameter = None,
    limit: Limit = 50,
) -> Page[ReportView]:
    """List the reports about your borough's places, newest first."""
    found = await store.reports.page(borough=caller.own_borough, status=status, kind=kind, before=position(cursor), limit=limit + 1)
    gazetteer = live.gazetteer
    return Page[ReportView].of(found, limit, shown=lambda report: ReportView.of(report, gazetteer), id_of=lambda report: report.id)


@router.get("/{report}")
async def get_report(report: Id, caller: Viewer, store: Db, live: Live) -> ReportView:
    """Return a report about your borough's places, or one that your borough sent."""
    found = await store.reports.get(report, visible_to=caller.own_borough)
    if found is None:
        raise _unknown()
    return ReportView.of(found, live.gazetteer)


@router.post("/{report}/decide")
async def decide_report(
    report: Id,
    decision: ReportDecision,
    *,
    caller: Officer,
    store: Db,
    live: Live,
) -> ReportView:
    """Accept, reject or resolve a report about your borough's places. 409 if the report is closed."""
    if decision.uprn and live.gazetteer.record(int(decision.uprn)) is None:
        raise Problem(400, f"No premises has the UPRN {decision.uprn}.", type="invalid-input", field="body.uprn")
    async with store.transaction() as tx:
        before = await tx.reports.get(report, visible_to=caller.own_borough)
        if before is None:
            raise _unknown()
        if before.borough != caller.own_borough:
            raise Problem(403, "The borough that the place lies in decides.", type="not-yours")
        uprn = str(int(decision.uprn)) if decision.uprn else ""
        try:
            after = decided(before, Status(decision.status), at=now(), reason=decision.reason, uprn=uprn)
        except StepRefused as refusal:
            raise Problem(409, str(refusal), type=refusal.kind) from None
        await tx.reports.save(after, was=before.sequence)
    return ReportView.of(after, live.gazetteer)


def _require_enough(new: NewReport) -> None:
    if new.uprn is None and new.postcode is None:
        raise Problem(400, "Give a UPRN or a postcode.", type="invalid-input", field="body.uprn")
    if new.kind is ReportKind.MISSING and not (new.address or new.text):
        raise Problem(400, "Say what is missing, as address or text.", type="invalid-input", field="body.address")


def _place(gazetteer: Gazetteer, new: NewReport) -> str | None:
    """Return the borough of the report's place, or None if the gazetteer lacks the postcode. Raises a 400 for an unknown UPRN."""
    if new.uprn is not None:
        record = gazetteer.record(int(new.uprn))
        if record is None:
            raise Problem(400, f"No premises has the UPRN {new.uprn}.", type="invalid-input", field="body.uprn")
        return record.borough
    postcode = Postcode.parse(new.postcode or "")
    return next(iter(gazetteer.boroughs_of(postcode)), None) if postcode else None


def _unknown() -> Problem:
    return Problem(404, "There is no such report", type="not-found", field="path.report")
