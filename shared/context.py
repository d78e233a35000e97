"""What the code that runs now is doing, and for whom: set by routes and consumers, read where events are published."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cause:
    """Where an event that is published now comes from."""

    borough: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None


NO_CAUSE = Cause()
cause: ContextVar[Cause] = ContextVar("cause", default=NO_CAUSE)
