"""Whether one share is allowed, and how little of it the recipient gets."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from .agreement import Agreement, Status
from .boroughs import NAMES
from .text import Item, Purpose

DELIVERED, READ = 1, 2
"""Versions of a share: it is delivered once and read for the first time once, in this order."""


class Reason(StrEnum):
    """Why a share is refused, as the problem's `type` ends."""

    AGREEMENT_NOT_ACTIVE = "agreement-not-active"
    PURPOSE_NOT_COVERED = "purpose-not-covered"
    RECIPIENT_NOT_A_PARTY = "recipient-not-a-party"
    NO_ITEM_ALLOWED = "no-item-allowed"


@dataclass(frozen=True)
class Refused:
    """The agreement does not allow this share. `detail` says it in plain words, without personal data."""

    reason: Reason
    detail: str


@dataclass(frozen=True)
class Allowed:
    """The agreement allows it, reduced to `content`."""

    purpose: Purpose
    content: Mapping[Item, str]


_NOT_ACTIVE = {
    Status.DRAFT: "is still a draft",
    Status.AWAITING_SIGNATURE: "has not been signed by every party",
    Status.SUSPENDED: "is suspended",
    Status.TERMINATED: "has ended",
}


def not_active(agreement: Agreement) -> Refused | None:
    """The refusal that the agreement's status alone calls for; None when it is active."""
    if agreement.status is Status.ACTIVE:
        return None
    return Refused(
        Reason.AGREEMENT_NOT_ACTIVE, f"The agreement “{agreement.text.title}” {_NOT_ACTIVE[agreement.status]}, so no data moves under it"
    )


def decide(agreement: Agreement, *, purpose: str, recipient: str, items: Mapping[Item, str]) -> Allowed | Refused:
    """Allow exactly what the text names for this recipient and purpose, while the agreement is active; refuse everything else.

    The caller's own borough must be a party already: to others the agreement does not exist.
    """
    refusal = not_active(agreement)
    if refusal is not None:
        return refusal
    title = agreement.text.title
    if not agreement.is_party(recipient):
        return Refused(Reason.RECIPIENT_NOT_A_PARTY, f"{NAMES.get(recipient, recipient)} is not a party to the agreement “{title}”")
    found = agreement.text.purpose(purpose)
    if found is None:
        return Refused(Reason.PURPOSE_NOT_COVERED, f"The agreement “{title}” does not cover this purpose")
    open_items = agreement.text.items_for(recipient, purpose)
    if not open_items:
        return Refused(Reason.PURPOSE_NOT_COVERED, f"The agreement “{title}” gives {NAMES[recipient]} nothing for this purpose")
    content = {item: value for item, value in items.items() if item in open_items}
    if not content:
        return Refused(Reason.NO_ITEM_ALLOWED, f"None of the items given may go to {NAMES[recipient]} for this purpose")
    return Allowed(found, content)
