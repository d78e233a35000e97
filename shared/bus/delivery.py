"""One message on its way into a handler, whether it comes from Kafka or from the parked rows."""

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
"""A handler that takes longer has failed: it would hold its lane for ever."""
IDENTITY_DIGITS = 32
LONGEST_KEY = 256
"""Bytes of a key that is shown and names its lane as it is; a longer one is cut, and its lane has a digest."""


class Repeated(Exception):  # noqa: N818 (leaves the transaction, is not an error)
    """This event was handled before."""


@dataclass(frozen=True)
class Place:
    """Where Kafka has a message."""

    partition: int
    offset: int


@dataclass(frozen=True)
class Delivery:
    """One message: where it came from, its bytes, and its envelope where that could be read."""

    topic: str
    key: bytes | None
    value: bytes
    headers: Headers
    identity: str
    """32 hexadecimal digits: of source and id, or of the whole content where there is no readable envelope."""
    envelope: Envelope | None
    flaw: str | None = None
    """Why the envelope could not be read. Quotes nothing of the message."""
    place: Place | None = None

    @classmethod
    def of_record(cls, record: "ConsumerRecord[bytes, bytes]") -> "Delivery":
        """A Kafka record. Never fails: what cannot be read has a flaw."""
        place = Place(record.partition, record.offset)
        if record.headers and record.headers[0][0] is UNDECODABLE:
            flaw = f"the batch cannot be decoded ({(record.headers[0][1] or b'').decode()}); its bytes are the value"
            identity = digest(record.topic, record.value)
            return cls(record.topic, None, record.value or b"", (), identity, None, flaw, place)
        return cls.read(record.topic, record.key, record.value or b"", tuple(record.headers), place)

    @classmethod
    def read(cls, topic: str, key: bytes | None, value: bytes, headers: Headers, place: Place | None = None) -> "Delivery":
        """Take the envelope out of the headers. Without one the identity comes from the content, so that repeats are still one."""
        try:
            envelope = Envelope.read(headers)
        except MalformedEvent as flaw:
            content = [part for name, content in headers for part in (name, content)]
            return cls(topic, key, value, headers, digest(topic, key, value, *content), None, str(flaw), place)
        return cls(topic, key, value, headers, envelope.identity, envelope, None, place)

    @property
    def shown_key(self) -> str:
        """The key as text, cut; empty where there is none."""
        return (self.key or b"")[:LONGEST_KEY].decode(errors="backslashreplace")

    @property
    def shown_id(self) -> str:
        """What names the message in logs and spans: its id where that is a UUID, else its identity, since an id may be anything."""
        id_ = self.envelope.id if self.envelope else ""
        try:
            return str(UUID(id_))
        except ValueError:
            return self.identity

    @property
    def traceparent(self) -> str | None:
        """The message's trace, if only that header can be read."""
        return self.envelope.traceparent if self.envelope else traceparent_of(self.headers)

    @property
    def tracestate(self) -> str | None:
        """What other systems added to the trace."""
        return self.envelope.tracestate if self.envelope else None

    @property
    def cause(self) -> context.Cause:
        """What an event that follows from this message names as its cause."""
        about = self.envelope
        return context.Cause(about.borough, about.correlation_id or about.id, about.id) if about else context.NO_CAUSE


def lane_of(router: EventRouter, delivery: Delivery) -> str:
    """Where messages wait for each other: one consumer's messages of one topic and key. A message without a key waits for nobody."""
    if delivery.key is None:
        return f"{router.name}:{delivery.topic}::{delivery.identity}"
    key = delivery.shown_key if len(delivery.key) <= LONGEST_KEY else digest(delivery.key)
    return f"{router.name}:{delivery.topic}:{key}"


def inbox_id(router: EventRouter, delivery: Delivery) -> str:
    """The inbox's unique key: a consumer takes an event once."""
    return f"{router.name}:{delivery.identity}"


def old_inbox_id(router: EventRouter, delivery: Delivery) -> str | None:
    """The key that the inbox had before it knew sources: the event's id alone."""
    return f"{router.name}:{delivery.envelope.id}" if delivery.envelope else None


async def deliver(database: Database[Any], router: EventRouter, delivery: Delivery, *, parked_row: str | None = None) -> None:
    """Run the handler once, in one transaction with the inbox row (and with the removal of the parked row it came from).

    Raises `Repeated` when it ran before, `PermanentError` for a message that no retry can mend, `Conflict` and whatever the handler raises;
    `TimeoutError` after `LONGEST_HANDLING_SECONDS`.
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
            except Repeated as repeat:  # every event may come again: nothing has failed, and the span must not say so
                span.set_attribute("blocks.repeated", True)
                passed = repeat
            except Conflict as conflict:  # the next attempt is a routine
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
        raise RuntimeError("the handler was cancelled from within") from None  # it has failed like any other


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
    """OpenTelemetry's semantic conventions for messaging and Kafka."""
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
    """Whether a row was parked before rows were named as the inbox is."""
    return len(parked_row.rpartition(":")[2]) != IDENTITY_DIGITS
