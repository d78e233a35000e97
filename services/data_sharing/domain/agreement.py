"""The life of an agreement: draft, awaiting signature, active, suspended, terminated. Each step returns the new state and its events."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from contracts.events.base import Event
from contracts.events.data_sharing import (
    AgreementActivated,
    AgreementDrafted,
    AgreementResumed,
    AgreementSigned,
    AgreementSubmitted,
    AgreementSuspended,
    AgreementTerminated,
)

from .text import Text


class Status(StrEnum):
    """The status of an agreement. Only `active` permits sharing."""

    DRAFT = "draft"
    AWAITING_SIGNATURE = "awaiting_signature"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"


class StepRefused(Exception):  # noqa: N818 (says what happened)
    """The step is impossible in this state. `kind` is the reason for programs, the message for people."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Signature(BaseModel):
    """One party's signature over the exact text."""

    model_config = ConfigDict(frozen=True)

    borough: str
    person: str
    """Name of the officer who signs."""
    position: str
    text_sha256: str
    """SHA-256 of the signed canonical text, hexadecimal."""
    client_id: str
    """The client through which the officer signed, from the access token."""
    signed_at: datetime


class Agreement(BaseModel):
    """The state of one agreement."""

    model_config = ConfigDict(frozen=True)

    ref: str
    text: Text
    status: Status
    revision: int
    """Counts the changes of state, from 1; the events carry it as `sequence`, the API as the entity tag."""
    drafted_by: str
    drafted_at: datetime
    signatures: tuple[Signature, ...] = ()
    suspended_by: tuple[str, ...] = ()
    """The parties whose suspension is in force."""
    active_since: datetime | None = None
    """When the last signature brought it into force."""
    changed_at: datetime

    @property
    def text_sha256(self) -> str:
        """SHA-256 of the canonical text, which a signature must name."""
        return self.text.sha256(self.ref)

    @property
    def unsigned(self) -> tuple[str, ...]:
        """The parties that have not signed."""
        signed = {signature.borough for signature in self.signatures}
        return tuple(borough for borough in self.text.boroughs if borough not in signed)

    def is_party(self, borough: str | None) -> bool:
        """Return whether that borough is a party, and so may see the agreement."""
        return borough in self.text.boroughs

    def moved_on(self, at: datetime, **change: Any) -> Self:
        """Return the next state, with those fields changed."""
        return self.model_copy(update={**change, "revision": self.revision + 1, "changed_at": at})


@dataclass(frozen=True)
class Change:
    """The result of a step: the new state and its events. Without events, nothing changed."""

    agreement: Agreement
    events: tuple[Event, ...] = ()


Step = Callable[[Agreement], Change]
"""A step that applies to the agreement's current state."""


def draft(ref: str, text: Text, *, by: str, at: datetime) -> Change:
    """Draft a new agreement. Raises `StepRefused` if the author is not one of its parties."""
    if by not in text.boroughs:
        raise StepRefused("not-a-party", "Your borough must be one of the parties")
    agreement = Agreement(ref=ref, text=text, status=Status.DRAFT, revision=1, drafted_by=by, drafted_at=at, changed_at=at)
    return Change(agreement, (AgreementDrafted(agreement=ref, drafted_by=by, parties=text.boroughs, drafted_at=at, sequence=1),))


def submit(agreement: Agreement, *, at: datetime) -> Change:
    """Fix the text and ask every party to sign. Repeating it changes nothing."""
    if agreement.status is Status.AWAITING_SIGNATURE:
        return Change(agreement)
    _demand(agreement, Status.DRAFT)
    after = agreement.moved_on(at, status=Status.AWAITING_SIGNATURE)
    submitted = AgreementSubmitted(
        agreement=after.ref, parties=after.text.boroughs, text_sha256=after.text_sha256, submitted_at=at, sequence=after.revision
    )
    return Change(after, (submitted,))


def sign(agreement: Agreement, signature: Signature) -> Change:
    """Add one party's signature; the last one brings the agreement into force. A party's second signature changes nothing.

    Raises `StepRefused` when the signature is over another text than the agreement's, or when it is not waiting for signatures.
    """
    if signature.text_sha256 != agreement.text_sha256:
        raise StepRefused(
            "another-text", "The signature is over another text than this agreement's: read it again and sign its text_sha256"
        )
    if signature.borough not in agreement.unsigned:
        return Change(agreement)
    _demand(agreement, Status.AWAITING_SIGNATURE)
    at = signature.signed_at
    after = agreement.moved_on(at, signatures=(*agreement.signatures, signature))
    signed = AgreementSigned(
        agreement=after.ref, signed_for=signature.borough, text_sha256=signature.text_sha256, signed_at=at, sequence=after.revision
    )
    if after.unsigned:
        return Change(after, (signed,))
    after = after.moved_on(at, status=Status.ACTIVE, active_since=at)
    activated = AgreementActivated(
        agreement=after.ref,
        parties=after.text.boroughs,
        purposes=tuple(purpose.id for purpose in after.text.purposes),
        activated_at=at,
        sequence=after.revision,
    )
    return Change(after, (signed, activated))


def suspend(agreement: Agreement, *, by: str, at: datetime) -> Change:
    """Stop all sharing under the agreement until the same party resumes. Repeating it changes nothing."""
    if by in agreement.suspended_by:
        return Change(agreement)
    _demand(agreement, Status.ACTIVE, Status.SUSPENDED)
    after = agreement.moved_on(at, status=Status.SUSPENDED, suspended_by=(*agreement.suspended_by, by))
    return Change(after, (AgreementSuspended(agreement=after.ref, suspended_by=by, suspended_at=at, sequence=after.revision),))


def resume(agreement: Agreement, *, by: str, at: datetime) -> Change:
    """Lift the party's own suspension. Sharing resumes if no other party's is in force. Repeating it changes nothing."""
    if agreement.status is Status.ACTIVE:
        return Change(agreement)
    _demand(agreement, Status.SUSPENDED)
    if by not in agreement.suspended_by:
        raise StepRefused("suspended-by-another-party", "Only the party that suspended the agreement can resume it")
    standing = tuple(borough for borough in agreement.suspended_by if borough != by)
    after = agreement.moved_on(at, status=Status.SUSPENDED if standing else Status.ACTIVE, suspended_by=standing)
    resumed = AgreementResumed(agreement=after.ref, resumed_by=by, in_force=not standing, resumed_at=at, sequence=after.revision)
    return Change(after, (resumed,))


def terminate(agreement: Agreement, *, by: str, at: datetime) -> Change:
    """End the agreement for good, whatever its state; any party may. Repeating it changes nothing."""
    if agreement.status is Status.TERMINATED:
        return Change(agreement)
    after = agreement.moved_on(at, status=Status.TERMINATED)
    return Change(after, (AgreementTerminated(agreement=after.ref, terminated_by=by, terminated_at=at, sequence=after.revision),))


def _demand(agreement: Agreement, *allowed: Status) -> None:
    if agreement.status not in allowed:
        states = " or ".join(status.value.replace("_", " ") for status in allowed)
        raise StepRefused("wrong-status", f"The agreement is {agreement.status.value.replace('_', ' ')}; this step needs it to be {states}")
