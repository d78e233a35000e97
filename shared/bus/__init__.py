"""Events in: consumers with an inbox, order per key, and parking instead of retry topics."""

from shared.bus.consumer import Consumer, Unhealable
from shared.events import Envelope

__all__ = ["Consumer", "Envelope", "Unhealable"]
