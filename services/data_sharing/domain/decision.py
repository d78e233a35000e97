"""Decides whether an agreement permits a share, and which items the recipient gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .agreement import Agreement, Status
from .boroughs import NAMES
from .text import Item, Purpose

DELIVERED, READ = 1, 2
"""Versions of a share: its delivery, then its first reading."""


class Reason(StrEnum):
    """The reason of a refusal, which ends the problem's `type`."""

    AGREEMENT_NOT_ACTIVE = "agreement-not-active"
    PURPOSE_NOT_COVERED = "purpose-not-covered"
    RECIPIENT_NOT_A_PARTY = "recipient-not-a-party"
    NO_ITEM_ALLOWED = "no-item-allowed"
    NO_AGREEMENT = "no-agreement"


@dataclass(frozen=True)
class Refused:
    """No agreement permits this share. `detail` explains it without personal data."""

    reason: Reason
    detail: str
    agreement: Agreement | None = None
    """The agreement that comes nearest to permitting it; None if none binds the boroughs."""


_NEAREST = (Reason.NO_ITEM_ALLOWED, Reason.AGREEMENT_NOT_ACTIVE, Reason.PURPOSE_NOT_COVERED, Reason.RECIPIENT_NOT_A_PARTY)
"""Reasons in order: the first is the most informative one."""


@dataclass(frozen=True)
class Allowed:
    """The agreement permits the share, limited to `content`."""

    agreement: Agreement
    purpose: Purpose
    content: Mapping[Item, str]


_NOT_ACTIVE = {
    Status.DRAFT: "is still a draft",
    Status.AWAITING_SIGNATURE: "has not been signed by every party",
    Status.SUSPENDED: "is suspended",
    Status.TERMINATED: "has ended",
}


def not_active(agreement: Agreement) -> Refused | None:
    """Return the refusal because of the agreement's status; None if it is active."""
    if agreement.status is Status.ACTIVE:
        return None
    detail = f"The agreement “{agreement.text.title}” {_NOT_ACTIVE[agreement.status]}, so no data moves under it"
    return Refused(Reason.AGREEMENT_NOT_ACTIVE, detail, agreement)


def decide(agreement: Agreement, *, purpose: str, recipient: str, items: Mapping[Item, str]) -> Allowed | Refused:
    """Permit exactly the items of the text for this recipient and purpose while the agreement is active, and refuse everything else.

    The caller's borough must be a party; the caller of this function checks that.
    """
    refusal = not_active(agreement)
    if refusal is not None:
        return refusal
    title, name = agreement.text.title, NAMES.get(recipient, recipient)
    if not agreement.is_party(recipient):
        return Refused(Reason.RECIPIENT_NOT_A_PARTY, f"{name} is not a party to the agreement “{title}”", agreement)
    found = agreement.text.purpose(purpose)
    if found is None:
        return Refused(Reason.PURPOSE_NOT_COVERED, f"The agreement “{title}” does not cover this purpose", agreement)
    open_items = agreement.text.items_for(recipient, purpose)
    if not open_items:
        return Refused(Reason.PURPOSE_NOT_COVERED, f"The agreement “{title}” gives {name} nothing for this purpose", agreement)
    content = {item: value for item, value in items.items() if item in open_items}
    if not content:
        return Refused(Reason.NO_ITEM_ALLOWED, f"None of the items given may go to {name} for this purpose", agreement)
    return Allowed(agreement, found, content)


def decide_among(
    agreements: Sequence[Agreement], *, boroughs: Sequence[str], purpose: str, recipient: str, items: Mapping[Item, str]
) -> Allowed | Refused:
    """Permit the share under the first of `agreements` that permits it; without one, refuse with the nearest reason.

    `agreements` are those that bind all of `boroughs`: the sender, the recipient, and others that the request names.
    """
    refusals: list[Refused] = []
    for agreement in agreements:
        outcome = decide(agreement, purpose=purpose, recipient=recipient, items=items)
        if isinstance(outcome, Allowed):
            return outcome
        refusals.append(outcome)
    if not refusals:
        names = _listed([NAMES.get(code, code) for code in dict.fromkeys(boroughs)])
        return Refused(Reason.NO_AGREEMENT, f"No agreement binds {names}, so no data moves")
    return min(refusals, key=lambda refusal: _distance(refusal, purpose))


def _distance(refusal: Refused, purpose: str) -> tuple[bool, int]:
    """Return how far an agreement is from permitting the share. One without the purpose is further than any with it."""
    covers = refusal.agreement is not None and refusal.agreement.text.purpose(purpose) is not None
    return (not covers, _NEAREST.index(refusal.reason))


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
