"""A report of an error in the gazetteer: an address is missing, wrong or duplicated."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from services.addresses.domain.errors import StepRefused


class ReportKind(StrEnum):
    """Kind of the error."""

    MISSING = "missing"
    WRONG = "wrong"
    DUPLICATE = "duplicate"


class Status(StrEnum):
    """Status of a report. `accepted` means that the borough agrees and will have the gazetteer corrected."""

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
    """One report of an error."""

    id: str
    kind: ReportKind
    borough: str
    """GSS code of the borough of the place, which decides."""
    reported_by: str
    """GSS code of the borough whose system sent it."""
    created_at: datetime
    changed_at: datetime
    uprn: str = ""
    """UPRN of the wrong address, or of the building that lacks one."""
    postcode: str = ""
    address: str = ""
    """The missing address as typed; empty once erased."""
    text: str = ""
    status: Status = Status.OPEN
    reason: str = ""
    """The borough's reason for its decision."""
    resolved_uprn: str = ""
    """UPRN of the address that was missing."""
    tried: str = ""
    """The last release searched for the missing address."""
    sequence: int = 1

    @property
    def awaited(self) -> bool:
        """Whether the reconciler searches releases for the missing address."""
        return self.kind is ReportKind.MISSING and bool(self.address) and self.status in _NEXT

    @property
    def typed(self) -> bool:
        """Whether it still has typed text."""
        return bool(self.address or self.text)

    @property
    def has_served(self) -> bool:
        """Whether it is closed and still has typed text. Retention keeps that text some days for questions."""
        return self.status not in _NEXT and self.typed


def decided(report: Report, status: Status, *, at: datetime, reason: str = "", uprn: str = "") -> Report:
    """Apply a decision of the borough, or of the reconciler that found the missing address.

    Raises `StepRefused` if the report is closed, or has this status already.
    """
    if status not in _NEXT.get(report.status, ()):
        raise StepRefused("not-possible", f"A report that is {report.status} cannot become {status}.")
    return replace(report, status=status, reason=reason, resolved_uprn=uprn, changed_at=at, sequence=report.sequence + 1)


def erased(report: Report) -> Report:
    """Erase the typed text; the place, the decision and the times stay."""
    return replace(report, address="", text="", sequence=report.sequence + 1)
