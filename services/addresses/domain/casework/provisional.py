"""A provisional address: an address as a citizen typed it, which waits until a release of the gazetteer holds it.

Each step returns the new state, and its events if it has any.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from contracts.events.addresses import ProvisionalReconciled
from services.addresses.domain.errors import StepRefused


class ProvisionalState(StrEnum):
    """State of a provisional address."""

    WAITING = "waiting"
    RECONCILED = "reconciled"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Provisional:
    """One address that waits for its UPRN."""

    id: str
    borough: str
    """GSS code of the borough that sent it."""
    address: str
    """As typed; empty once erased."""
    postcode: str
    created_at: datetime
    changed_at: datetime
    lines: tuple[str, ...] = ()
    note: str = ""
    state: ProvisionalState = ProvisionalState.WAITING
    uprn: str = ""
    confidence: float | None = None
    release: str = ""
    """The release that holds the UPRN."""
    tried: str = ""
    """The last release searched for it."""
    sequence: int = 1

    @property
    def awaited(self) -> bool:
        """Whether the reconciler searches releases for it."""
        return self.state is ProvisionalState.WAITING

    @property
    def typed(self) -> bool:
        """Whether it still has typed text."""
        return bool(self.address or self.postcode or self.lines or self.note)

    @property
    def has_served(self) -> bool:
        """Whether it has typed text that nobody needs any more. Retention keeps that text some days for questions."""
        return self.state is ProvisionalState.RECONCILED and self.typed


Step = tuple[Provisional, tuple[ProvisionalReconciled, ...]]


def reconciled(kept: Provisional, uprn: str, *, confidence: float | None, release: str, at: datetime) -> Step:
    """Assign a UPRN that a match found, or that an officer decided (without a confidence); an officer may correct an earlier UPRN.

    Raises `StepRefused` if the address is withdrawn. Returns no event if it has this UPRN already.
    """
    if kept.state is ProvisionalState.WITHDRAWN:
        raise StepRefused("withdrawn", "This address was withdrawn.")
    if kept.state is ProvisionalState.RECONCILED and kept.uprn == uprn:
        return kept, ()
    after = replace(
        kept,
        state=ProvisionalState.RECONCILED,
        uprn=uprn,
        confidence=confidence,
        release=release,
        changed_at=at,
        sequence=kept.sequence + 1,
    )
    event = ProvisionalReconciled(
        provisional=kept.id, uprn=uprn, confidence=confidence, release=release, reconciled_at=at, sequence=after.sequence
    )
    return after, (event,)


def withdrawn(kept: Provisional, *, at: datetime) -> Provisional:
    """Withdraw the address and erase its typed text."""
    if kept.state is ProvisionalState.WITHDRAWN:
        return kept
    return replace(erased(kept), state=ProvisionalState.WITHDRAWN, changed_at=at)


def erased(kept: Provisional) -> Provisional:
    """Erase the typed text; the UPRN and the times stay."""
    return replace(kept, address="", lines=(), note="", postcode="", sequence=kept.sequence + 1)
