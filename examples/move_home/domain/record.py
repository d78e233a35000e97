"""Lines of data_sharing's record for the citizen: who sent, read or was refused which items, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .boroughs import council_name
from .move import Reason
from .purposes import ITEMS, PURPOSES

_REFUSED = {
    Reason.NOT_ACTIVE: "The agreement was not in force.",
    Reason.NOT_COVERED: "The agreement does not allow it for this purpose.",
    Reason.NOT_A_PARTY: "The council that was to receive it has not signed the agreement.",
    Reason.NO_ITEM_ALLOWED: "The agreement allows none of these details.",
    Reason.NO_AGREEMENT: "No agreement between the councils allows it.",
}


@dataclass(frozen=True)
class Line:
    """One line of the record. The page leaves out empty texts."""

    title: str
    at: datetime
    sent_by: str
    sent_to: str
    what: str
    purpose: str
    agreement: str
    lawful_basis: str
    why_refused: str


def line_of(entry: Mapping[str, Any]) -> Line:
    """Return the line of an entry of `GET /v1/record`."""
    refused = entry["action"] == "refused"
    by, recipient = council_name(entry["by"]), council_name(entry.get("recipient") or "")
    sender = council_name(_sender(entry) or "")
    purpose, power = str(entry.get("purpose") or ""), entry.get("legal_power") or ""
    basis = str(entry.get("lawful_basis_means") or "")
    return Line(
        title=_title(str(entry["action"]), by=by, sender=sender, recipient=recipient),
        at=datetime.fromisoformat(str(entry["at"])),
        sent_by="" if refused else sender,
        sent_to="" if refused else recipient,
        what=", ".join(ITEMS.get(item, item) for item in entry["items"]) or "Nothing",
        purpose=PURPOSES[purpose].name if purpose in PURPOSES else purpose,
        agreement=str(entry.get("agreement_title") or entry.get("agreement") or "No agreement"),
        lawful_basis=f"{basis[:1].upper()}{basis[1:]}: {power}" if basis else "",
        why_refused=_why(str(entry.get("reason"))) if refused else "",
    )


def _sender(entry: Mapping[str, Any]) -> str | None:
    """Return the sender. Older lines lack it; there the acting borough is the sender, unless it read the share."""
    known: str | None = entry.get("sender")
    acted: str = entry["by"]
    is_sending = entry["action"] == "shared" or (entry["action"] == "refused" and acted != entry.get("recipient"))
    return known or (acted if is_sending else None)


def _title(action: str, *, by: str, sender: str, recipient: str) -> str:
    within, reading = sender == recipient, by != sender
    match action:
        case "shared":
            return f"{sender} passed your details on to its own staff" if within else f"{sender} sent your details to {recipient}"
        case "read":
            return f"{by} read what {sender} sent" if sender and not within else f"{by} read your details"
        case "refused" if within or not sender:
            return f"{by} was not allowed to use your details"
        case "refused" if reading:
            return f"{by} was not allowed to read what {sender} sent"
        case "refused":
            return f"{sender} was not allowed to send your details to {recipient}"
        case _:
            return f"{by}: {action}"


def _why(reason: str) -> str:
    return _REFUSED.get(Reason(reason), reason) if reason in {known.value for known in Reason} else reason
