"""The cause of a task's work. Routes and consumers set it, and `tx.publish` writes it into events."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """The cause of an event, and its borough."""

    borough: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None


NO_CAUSE = Cause()
cause: ContextVar[Cause] = ContextVar("cause", default=NO_CAUSE)
