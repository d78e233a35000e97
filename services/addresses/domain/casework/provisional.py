"""A provisional address: kept as a citizen typed it, because the gazetteer does not hold it yet, until a release does.

Each step gives the new state and its events; no events means that nothing was changed that others must know.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from contracts.events.addresses import ProvisionalReconciled
from services.addresses.domain.errors import StepRefused


class ProvisionalState(StrEnum):
    """Where a provisional address is."""

    WAITING = "waiting"
    RECONCILED = "reconciled"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Provisional:
    """One address that waits for its UPRN."""

    id: str
    borough: str
    """GSS code of the borough that keeps it."""
    address: str
    """As it was typed; empty once erased."""
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
    """The release that it was last looked for in."""
    sequence: int = 1

    @property
    def awaited(self) -> bool:
        """Whether releases are looked through for it."""
        return self.state is ProvisionalState.WAITING

    @property
    def typed(self) -> bool:
        """Whether what was typed is still there."""
        return bool(self.address or self.postcode or self.lines or self.note)

    @property
    def has_served(self) -> bool:
        """Whether what was typed is not needed any more; it is kept a while for questions."""
        return self.state is ProvisionalState.RECONCILED and self.typed


Step = tuple[Provisional, tuple[ProvisionalReconciled, ...]]


def reconciled(kept: Provisional, uprn: str, *, confidence: float | None, release: str, at: datetime) -> Step:
    """It is this UPRN, by a match with a release or because an officer says so (without a confidence), who may correct an earlier UPRN.

    Raises `StepRefused` where it was withdrawn.
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
    """It is not wanted any more: what was typed is erased."""
    if kept.state is ProvisionalState.WITHDRAWN:
        return kept
    return replace(erased(kept), state=ProvisionalState.WITHDRAWN, changed_at=at)


def erased(kept: Provisional) -> Provisional:
    """Without what was typed; that it has its UPRN, and since when, stays."""
    return replace(kept, address="", lines=(), note="", postcode="", sequence=kept.sequence + 1)
