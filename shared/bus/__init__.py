"""Events in: typed subscribers with an inbox, order per key, and parking instead of retry topics."""

from shared.bus.router import EventRouter, PermanentError
from shared.events import Envelope

__all__ = ["Envelope", "EventRouter", "PermanentError"]
