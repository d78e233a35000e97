"""One message on its way into a handler, from Kafka or from a parked row."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aiokafka import ConsumerRecord
from pydantic import ValidationError

from shared import clock, context, telemetry
from shared.bus.records import UNDECODABLE
from shared.bus.router import EventRouter, Handler, PermanentError
from shared.events import Envelope, Headers, MalformedEvent, digest, traceparent_of
from shared.mongo import Conflict, Database, Duplicate, Transaction

LONGEST_HANDLING_SECONDS = 300.0
"""Seconds after which a running handler counts as failed, because it would hold its lane for ever."""
IDENTITY_DIGITS = 32
LONGEST_KEY = 256
"""Bytes of a key that is shown whole and names its lane. A longer key is shown cut, and a digest of it names its lane."""


class Repeated(Exception):  # noqa: N818 (leaves the transaction, is not an error)
    """A handler has taken this event before. Leaves the transaction; it is no error."""


@dataclass(frozen=True)
class Place:
    """A message's partition and offset in Kafka."""

    partition: int
    offset: int


@dataclass(frozen=True)
class Delivery:
    """One message: its topic and place, its bytes, and its envelope if that is readable."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers
    identity: str
    """32 hexadecimal digits: a digest of source and id, or of the whole content of a message without a readable envelope."""
    envelope: Envelope | None
    flaw: str | None = None
    """Why the envelope is unreadable. Quotes nothing of the message."""
    place: Place | None = None

    @classmethod
    def of_record(cls, record: "ConsumerRecord[bytes, bytes]") -> "Delivery":
        """Reads a Kafka record. Never fails: an unreadable record gets a flaw."""
        place = Place(record.partition, record.offset)
        if record.headers and record.headers[0][0] is UNDECODABLE:
            flaw = f"the batch cannot be decoded ({(record.headers[0][1] or b'').decode()}); its bytes are the value"
            identity = digest(record.topic, record.value)
            return cls(record.topic, None, record.value or b"", (), identity, None, flaw, place)
        return cls.read(record.topic, record.key, record.value or b"", tuple(record.headers), place)

    @classmethod
    def read(cls, topic: str, key: bytes | None, value: bytes, headers: Headers, place: Place | None = None) -> "Delivery":
        """Reads the envelope from the headers. Without one, takes the identity from the content, so that a repeat is recognised."""
        try:
            envelope = Envelope.read(headers)
        except MalformedEvent as flaw:
            content = [part for name, content in headers for part in (name, content)]
            return cls(topic, key, value, headers, digest(topic, key, value, *content), None, str(flaw), place)
        return cls(topic, key, value, headers, envelope.identity, envelope, None, place)

    @property
    def shown_key(self) -> str:
        """The key as text, cut to `LONGEST_KEY` bytes; empty for a message without a key."""
        return (self.key or b"")[:LONGEST_KEY].decode(errors="backslashreplace")

    @property
    def shown_id(self) -> str:
        """Names the message in logs and spans: its id if that is a UUID, else its identity, because senders choose ids."""
        id_ = self.envelope.id if self.envelope else ""
        try:
            return str(UUID(id_))
        except ValueError:
            return self.identity

    @property
    def traceparent(self) -> str | None:
        """The message's trace context, also if nothing else of the envelope is readable."""
        return self.envelope.traceparent if self.envelope else traceparent_of(self.headers)

    @property
    def tracestate(self) -> str | None:
        """What other systems added to the trace (W3C Trace Context, tracestate)."""
        return self.envelope.tracestate if self.envelope else None

    @property
    def cause(self) -> context.Cause:
        """The cause that events published by the handler name."""
        about = self.envelope
        return context.Cause(about.borough, about.correlation_id or about.id, about.id) if about else context.NO_CAUSE


def lane_of(router: EventRouter, delivery: Delivery) -> str:
    """Names the lane in which messages wait for each other: consumer, topic and key. A message without a key has a lane of its own."""
    if delivery.key is None:
        return f"{router.name}:{delivery.topic}::{delivery.identity}"
    key = delivery.shown_key if len(delivery.key) <= LONGEST_KEY else digest(delivery.key)
    return f"{router.name}:{delivery.topic}:{key}"


def inbox_id(router: EventRouter, delivery: Delivery) -> str:
    """The `_id` of the inbox row, unique for a consumer and an event."""
    return f"{router.name}:{delivery.identity}"


def old_inbox_id(router: EventRouter, delivery: Delivery) -> str | None:
    """The `_id` of an inbox row from a release that knew the event's id and not its source."""
    return f"{router.name}:{delivery.envelope.id}" if delivery.envelope else None


async def deliver(database: Database[Any], router: EventRouter, delivery: Delivery, *, parked_row: str | None = None) -> None:
    """Runs the handler in one transaction with the inbox row, and with the removal of the parked row if the message comes from one.

    Does nothing for an event that the router has no subscriber for. Raises `Repeated` for an event that was handled before,
    `PermanentError` for a message that no retry can mend, `TimeoutError` after `LONGEST_HANDLING_SECONDS`, and `Conflict` and whatever
    the handler raises.
    """
    if delivery.envelope is None:
        raise PermanentError(f"not a CloudEvent: {delivery.flaw}")
    about = delivery.envelope
    handler = router.handlers.get(about.type)
    if handler is None:
        return
    event = _payload(handler, delivery)
    began = time.perf_counter()
    token = context.cause.set(delivery.cause)
    passed: Repeated | Conflict | None = None
    try:
        with telemetry.continued(
            about.traceparent,
            f"process {delivery.topic}",
            state=about.tracestate,
            kind=telemetry.CONSUMER,
            attributes=_attributes(router, delivery, about),
        ) as span:
            try:
                async with database.transaction() as tx:
                    await _take(tx, inbox_id(router, delivery), parked_row)
                    await _run(handler, event, about, tx)
            except Repeated as repeat:  # an event may come again: the span is no error
                span.set_attribute("blocks.repeated", True)
                passed = repeat
            except Conflict as conflict:  # the next attempt follows by itself
                span.set_attribute("blocks.conflict", True)
                passed = conflict
        if passed is not None:
            raise passed
    finally:
        context.cause.reset(token)
        telemetry.process_duration.record(time.perf_counter() - began, {"messaging.destination.name": delivery.topic})


async def _run(handler: Handler, event: Any, about: Envelope, tx: Any) -> None:
    try:
        async with asyncio.timeout(LONGEST_HANDLING_SECONDS):
            await handler.function(event, about, tx)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise RuntimeError("the handler was cancelled from within") from None  # counts as a failure of the handler


def _payload(handler: Handler, delivery: Delivery) -> Any:
    name = handler.event.__name__
    try:
        return handler.event.model_validate_json(delivery.value)
    except ValidationError as error:
        # Only the outermost name: it is a field's, while a deeper one may be a key that the sender chose.
        wrong = [(item["loc"][0] if item["loc"] else "", item["type"]) for item in error.errors(include_input=False)[:5]]
        fields = ", ".join(f"{field} ({kind})" if field else kind for field, kind in wrong)
        raise PermanentError(f"the payload does not fit {name}: {fields}") from None
    except RecursionError:
        raise PermanentError("the payload is nested too deeply") from None


def _attributes(router: EventRouter, delivery: Delivery, about: Envelope) -> dict[str, str | int | float | bool]:
    """Span attributes after OpenTelemetry's semantic conventions for messaging and Kafka."""
    attributes: dict[str, str | int | float | bool] = {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": delivery.topic,
        "messaging.consumer.group.name": router.name,
        "messaging.message.id": delivery.shown_id,
        "cloudevents.event_id": delivery.shown_id,
        "cloudevents.event_type": about.type,
    }
    if delivery.place is not None:
        attributes["messaging.destination.partition.id"] = str(delivery.place.partition)
        attributes["messaging.kafka.offset"] = delivery.place.offset
    return attributes


async def _take(tx: Transaction, inbox: str, parked_row: str | None) -> None:
    if parked_row is not None and not await tx.collection("parked").delete_one({"_id": parked_row, "state": "parked"}):
        raise Repeated
    inboxes = {inbox} if parked_row is None or _is_old(parked_row) else {inbox, parked_row}
    try:
        for id_ in sorted(inboxes):
            await tx.collection("inbox").insert_one({"_id": id_, "at": clock.now()})
    except Duplicate:
        raise Repeated from None


def _is_old(parked_row: str) -> bool:
    """Whether the row comes from a release whose parked rows had other ids than inbox rows."""
    return len(parked_row.rpartition(":")[2]) != IDENTITY_DIGITS
