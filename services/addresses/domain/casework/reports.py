"""A report that something is wrong with the gazetteer: an address is missing, wrong, or there twice."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.addresses.domain.errors import StepRefused


class ReportKind(StrEnum):
    """What is wrong."""

    MISSING = "missing"
    WRONG = "wrong"
    DUPLICATE = "duplicate"


class Status(StrEnum):
    """Where a report is. `accepted` says that the borough agrees and the gazetteer will be mended."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RESOLVED = "resolved"


_NEXT = {
    Status.OPEN: {Status.ACCEPTED, Status.REJECTED, Status.RESOLVED},
    Status.ACCEPTED: {Status.REJECTED, Status.RESOLVED},
}


@dataclass(frozen=True, slots=True)
class Report:
    """One report."""

    id: str
    kind: ReportKind
    borough: str
    """GSS code of the borough that the place lies in: it decides."""
    reported_by: str
    """GSS code of the borough whose system sent it."""
    created_at: datetime
    changed_at: datetime
    uprn: str = ""
    """Of what is wrong, or of the building in which something is missing."""
    postcode: str = ""
    address: str = ""
    """What is missing, as it was typed; empty once erased."""
    text: str = ""
    status: Status = Status.OPEN
    reason: str = ""
    """Why the borough decided so."""
    resolved_uprn: str = ""
    """The UPRN of what was missing."""
    tried: str = ""
    """The release that it was last looked for in."""
    sequence: int = 1

    @property
    def awaited(self) -> bool:
        """Whether releases are looked through for what is missing."""
        return self.kind is ReportKind.MISSING and bool(self.address) and self.status in _NEXT

    @property
    def typed(self) -> bool:
        """Whether what was typed is still there."""
        return bool(self.address or self.text)

    @property
    def has_served(self) -> bool:
        """Whether what was typed is not needed any more; it is kept a while for questions."""
        return self.status not in _NEXT and self.typed


def decided(report: Report, status: Status, *, at: datetime, reason: str = "", uprn: str = "") -> Report:
    """The borough, or a release that holds what was missing, decides. Raises `StepRefused` where the report is closed, or already there."""
    if status not in _NEXT.get(report.status, ()):
        raise StepRefused("not-possible", f"A report that is {report.status} cannot become {status}.")
    return replace(report, status=status, reason=reason, resolved_uprn=uprn, changed_at=at, sequence=report.sequence + 1)


def erased(report: Report) -> Report:
    """Without what was typed; where it is, and what was decided and when, stays."""
    return replace(report, address="", text="", sequence=report.sequence + 1)
