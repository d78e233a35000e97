"""What a service consumes: a table of event classes and the functions that take them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from contracts.events.base import Event
from shared.events import Envelope
from shared.mongo import Transaction

E = TypeVar("E", bound=Event)
T = TypeVar("T", bound=Transaction)


class Unhealable(Exception):  # noqa: N818 (a reason, not a fault of the program)
    """This message can never be handled: make it a dead letter at once. The text must not quote personal data."""


@dataclass(frozen=True)
class Handler:
    """One function and the event it takes."""

    event: type[Event]
    function: Callable[[Any, Envelope, Any], Awaitable[None]]
    strict: bool
    """Whether later messages of a key wait behind a dead letter instead of going on."""


class Consumer:
    """The events that one service takes. Its name is the Kafka group's, so replicas share the work.

    `@consumes(ShareDelivered)` above `async def f(event, about, tx)`: the inbox row, what the function writes through `tx` and what
    it publishes are one transaction, so a repeated event never reaches the function. An exception parks the message, with later ones
    of its key behind it; `Unhealable` makes it a dead letter at once.
    """

    def __init__(self, name: str, *, attempts: int = 8, first_pause: float = 1.0, longest_pause: float = 300.0) -> None:
        self.name = name
        self.attempts = attempts
        self.first_pause = first_pause
        self.longest_pause = longest_pause
        self.handlers: dict[str, Handler] = {}
        self.local: set[type[Event]] = set()
        """Events that the service makes for itself alone and publishes nowhere: the outcomes of a process's commands."""

    def __call__(
        self, event: type[E], *, strict: bool = False
    ) -> Callable[[Callable[[E, Envelope, T], Awaitable[None]]], Callable[[E, Envelope, T], Awaitable[None]]]:
        """Register the function below for this event."""

        def register(function: Callable[[E, Envelope, T], Awaitable[None]]) -> Callable[[E, Envelope, T], Awaitable[None]]:
            if event.event_type in self.handlers:
                raise ValueError(f"{self.name} already takes {event.__name__}")
            self.handlers[event.event_type] = Handler(event, function, strict)
            return function

        return register

    @property
    def topics(self) -> set[str]:
        """The topics to read, without the platform's prefix."""
        return {handler.event.topic for handler in self.handlers.values()}

    def pause(self, attempt: int) -> float:
        """Seconds to wait after this failed attempt, the first being 1."""
        return float(min(self.longest_pause, self.first_pause * 2.0 ** (attempt - 1)))
