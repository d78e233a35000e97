"""The events of one service as a FastStream router: typed subscribers for what it consumes, publishers for what it publishes.

FastStream documents the router (AsyncAPI, `deploy/contracts`) and runs its subscribers in unit tests (`TestKafkaBroker`). In a running
service `shared.bus.receiver` reads all topics of the router through one FastStream subscriber, in batches that are acknowledged by hand,
and calls the same functions: docs/decisions/0003.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import reduce, update_wrapper
from operator import or_
from typing import Annotated, Any, TypeVar, cast

from aiokafka import ConsumerRecord
from faststream import AckPolicy, Context, Depends
from faststream.kafka import KafkaBroker, KafkaMessage, KafkaRouter
from faststream.kafka.call_wrapper import KafkaHandlerCallWrapper
from faststream.kafka.message import FAKE_CONSUMER
from faststream.kafka.subscriber.usecase import LogicSubscriber

from contracts.events.base import Event
from shared import retry
from shared.events import Envelope
from shared.kafka.redaction import RedactingLogger
from shared.mongo import Transaction

E = TypeVar("E", bound=Event)
T = TypeVar("T", bound=Transaction)
Function = Callable[[E, Envelope, T], Awaitable[None]]
TRANSACTION = "transaction"
"""Name of the transaction in FastStream's context."""


class PermanentError(Exception):
    """No retry can mend this message: make it a dead letter at once. The text is logged, so it must quote nothing of the message."""


@dataclass(frozen=True)
class Handler:
    """One function and the event it takes."""

    event: type[Event]
    function: Callable[[Any, Envelope, Any], Awaitable[None]]
    strict: bool
    """Whether later messages of a key wait behind a dead letter instead of passing it."""


class EventRouter(KafkaRouter):
    """What one service consumes and publishes. Its name is the consumer group, so replicas share the work.

    `@router.subscriber(ShareDelivered)` above `async def f(event: ShareDelivered, about: Envelope, tx: Tx)` subscribes: the inbox row, the
    rows that `f` writes through `tx` and the events that it publishes are one transaction, so a repeated event never reaches `f`. An
    exception parks the message, with later ones of its key behind it. `PermanentError` makes it a dead letter at once.
    """

    def __init__(self, name: str, *, attempts: int = 8, first_pause: float = 1.0, longest_pause: float = 300.0) -> None:
        super().__init__()
        self.name = name
        self.attempts = attempts
        """Attempts before a message becomes a dead letter."""
        self.first_pause = first_pause
        """Seconds between the first attempt and the second; each later pause is twice as long."""
        self.longest_pause = longest_pause
        self.handlers: dict[str, Handler] = {}
        """By CloudEvents type."""
        self.published: list[type[Event]] = []
        self.local: set[type[Event]] = set()
        """Events that the service makes for itself alone and sends nowhere: the outcomes of a process's commands."""
        self._of_topic: dict[str, LogicSubscriber[Any]] = {}

    def subscriber(  # type: ignore[override]  # takes an event class in place of topics and of FastStream's options
        self, event: type[E], *, strict: bool = False
    ) -> Callable[[Function[E, T]], KafkaHandlerCallWrapper[[E, Envelope, T], Awaitable[None]]]:
        """Subscribe the function below to this event. With `strict`, later messages of a key wait behind a dead letter.

        Raises ValueError where the router has a subscriber for the event.
        """

        def register(function: Function[E, T]) -> KafkaHandlerCallWrapper[[E, Envelope, T], Awaitable[None]]:
            if event.event_type in self.handlers:
                raise ValueError(f"{self.name} already subscribes to {event.__name__}")
            self.handlers[event.event_type] = Handler(event, function, strict)
            wrapped = self._subscriber_of(event.topic)(_injected(event, function), filter=_is(event), decoder=_decoder(event))
            return cast("KafkaHandlerCallWrapper[[E, Envelope, T], Awaitable[None]]", wrapped)

        return register

    def publishes(self, *events: type[Event]) -> None:
        """Declare events that the service publishes with `tx.publish`: documented as sent, and their topics are created at the start.

        Raises ValueError where an earlier call named other events of the same topic.
        """
        declared = {event.topic for event in self.published}
        self.published.extend(events)
        for topic in dict.fromkeys(event.topic for event in events):
            if topic in declared:
                raise ValueError(f"{self.name} has declared what it publishes to {topic}: name all events of a topic together")
            union: Any = reduce(or_, (event for event in events if event.topic == topic))
            self.publisher(topic, title=f"publish {topic}", schema=union)

    @property
    def topics(self) -> set[str]:
        """The topics to read, without the platform's prefix."""
        return {handler.event.topic for handler in self.handlers.values()}

    def pause(self, attempt: int) -> float:
        """Seconds to wait after this failed attempt, the first being 1 (`shared.retry`)."""
        return retry.pause(attempt, first=self.first_pause, longest=self.longest_pause)

    def _subscriber_of(self, topic: str) -> LogicSubscriber[Any]:
        """FastStream's subscriber of a topic. One for all events, because FastStream's test broker gives a record to one of a group."""
        if topic not in self._of_topic:
            self._of_topic[topic] = super().subscriber(
                topic,
                title=f"consume {topic}",
                group_id=self.name,
                auto_offset_reset="earliest",
                ack_policy=AckPolicy.MANUAL,
                no_reply=True,
                parser=_as_message,
            )
        return self._of_topic[topic]


def event_broker(*routers: EventRouter, transaction: object = None, **options: Any) -> KafkaBroker:
    """A broker of these routers, for `TestKafkaBroker` and for documents. Handlers get `transaction` as their `tx`.

    A router belongs to the broker that included it last, as in FastStream. `options` are those of `KafkaBroker`.
    """
    broker = KafkaBroker(logger=RedactingLogger(), **options)
    broker.include_routers(*routers)
    broker.context.set_global(TRANSACTION, transaction)
    return broker


async def _envelope(message: KafkaMessage) -> Envelope:
    record = message.raw_message
    return Envelope.read(record.headers if isinstance(record, ConsumerRecord) else ())


def _injected(event: type[E], function: Function[E, T]) -> Callable[..., Awaitable[None]]:
    """The function with FastStream's injections for its parameters, whatever their names."""

    async def handle(
        happened: event,  # type: ignore[valid-type]
        about: Annotated[Envelope, Depends(_envelope)],
        tx: Annotated[Any, Context(TRANSACTION)],
    ) -> None:
        await function(happened, about, tx)

    annotations = handle.__annotations__
    update_wrapper(handle, function)
    handle.__annotations__ = annotations
    del handle.__wrapped__  # type: ignore[attr-defined]  # FastStream would read the signature of the function below
    return handle


def _is(event: type[Event]) -> Callable[[KafkaMessage], Awaitable[bool]]:
    async def is_of_type(message: KafkaMessage) -> bool:
        return message.headers.get("ce_type") == event.event_type

    return is_of_type


def _decoder(event: type[Event]) -> Callable[[KafkaMessage], Awaitable[Event]]:
    async def decode(message: KafkaMessage) -> Event:
        return event.model_validate_json(message.body)

    return decode


async def _as_message(record: "ConsumerRecord[bytes, bytes]") -> KafkaMessage:
    """FastStream's message of a record, named by its CloudEvents attributes."""
    headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    return KafkaMessage(
        raw_message=record,
        body=record.value or b"",
        headers=headers,
        content_type="application/json",
        correlation_id=headers.get("ce_correlationid", ""),
        message_id=headers.get("ce_id", ""),
        consumer=FAKE_CONSUMER,
    )
