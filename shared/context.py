"""The cause of the work in this task: routes and consumers set it, and `tx.publish` writes it into events."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an event is published, and for which borough."""

    borough: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None


NO_CAUSE = Cause()
cause: ContextVar[Cause] = ContextVar("cause", default=NO_CAUSE)
