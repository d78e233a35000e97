"""One message on its way into a handler, whether it comes from Kafka or from the parked rows."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import ConsumerRecord
from pydantic import ValidationError

from shared import clock, context, telemetry
from shared.bus.consumer import Consumer, Unhealable
from shared.events import Envelope, MalformedEvent, header
from shared.mongo import Database, Document, Duplicate, Transaction

Headers = Sequence[tuple[str, bytes]]


class Repeated(Exception):  # noqa: N818 (leaves the transaction, is not an error)
    """This event was handled before."""


@dataclass(frozen=True)
class Delivery:
    """One message: where it came from, its bytes, and its envelope where that could be read."""

    topic: str
    key: str
    value: bytes
    headers: Headers
    id: str
    envelope: Envelope | None
    flaw: str | None = None
    """Why the envelope could not be read."""

    @classmethod
    def of_record(cls, record: "ConsumerRecord[bytes, bytes]") -> "Delivery":
        """A Kafka record. One without a readable envelope gets an id from its content, so that repeats of it are still one."""
        key = (record.key or b"").decode(errors="replace")
        return cls.read(record.topic, key, record.value or b"", tuple(record.headers))

    @classmethod
    def read(cls, topic: str, key: str, value: bytes, headers: Headers) -> "Delivery":
        """Take the envelope out of the headers."""
        try:
            envelope = Envelope.read(headers)
        except MalformedEvent as flaw:
            id_ = header(headers, "ce_id") or hashlib.sha256(topic.encode() + key.encode() + value).hexdigest()
            return cls(topic, key, value, headers, id_, None, str(flaw))
        return cls(topic, key, value, headers, envelope.id, envelope)

    @classmethod
    def of_parked(cls, row: Document) -> "Delivery":
        """A parked row, as its message came (or as an operator mended it)."""
        return cls.read(row["topic"], row["key"], bytes(row["value"]), [(name, bytes(value)) for name, value in row["headers"]])


def inbox_id(consumer: Consumer, delivery: Delivery) -> str:
    """The inbox's unique key: a consumer takes an event once."""
    return f"{consumer.name}:{delivery.id}"


async def deliver(database: Database[Any], consumer: Consumer, delivery: Delivery, *, parked_row: str | None = None) -> None:
    """Run the handler once, in one transaction with the inbox row (and with the removal of the parked row it came from).

    Raises `Repeated` when it ran before, `Unhealable` for a message that no retry can mend, `Conflict` and whatever the handler raises.
    """
    if delivery.envelope is None:
        raise Unhealable(f"not a CloudEvent: {delivery.flaw}")
    about = delivery.envelope
    handler = consumer.handlers.get(about.type)
    if handler is None:
        return
    try:
        event = handler.event.model_validate_json(delivery.value)
    except ValidationError as error:
        wrong = ", ".join(".".join(str(part) for part in item["loc"]) or item["type"] for item in error.errors(include_input=False)[:5])
        raise Unhealable(f"the payload does not fit {handler.event.__name__}: {wrong}") from None
    except RecursionError:
        raise Unhealable("the payload is nested too deeply") from None
    attributes: dict[str, str | int | float | bool] = {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": delivery.topic,
        "messaging.consumer.group.name": consumer.name,
        "cloudevents.event_id": about.id,
        "cloudevents.event_type": about.type,
    }
    began = time.perf_counter()
    token = context.cause.set(context.Cause(about.borough, about.correlation_id or about.id, about.id))
    try:
        repeated: Repeated | None = None
        with telemetry.continued(about.traceparent, f"process {delivery.topic}", kind=telemetry.CONSUMER, attributes=attributes) as span:
            try:
                async with database.transaction() as tx:
                    await _take(tx, inbox_id(consumer, delivery), parked_row)
                    await handler.function(event, about, tx)
            except Repeated as repeat:  # every event may come again: nothing has failed, and the span must not say so
                span.set_attribute("blocks.repeated", True)
                repeated = repeat
        if repeated is not None:
            raise repeated
    finally:
        context.cause.reset(token)
        telemetry.process_duration.record(time.perf_counter() - began, {"messaging.destination.name": delivery.topic})


async def _take(tx: Transaction, inbox: str, parked_row: str | None) -> None:
    if parked_row is not None and not await tx.collection("parked").delete_one({"_id": parked_row, "state": "parked"}):
        raise Repeated
    try:
        await tx.collection("inbox").insert_one({"_id": inbox, "at": clock.now()})
    except Duplicate:
        raise Repeated from None
