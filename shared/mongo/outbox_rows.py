"""The outbox row of an event. It is complete: the relay sends it as it is.

A row's `order` has the event's sequence and its place among the events of its transaction, and nothing of a clock. Rows of one topic and
key ascend by it in the order of their commits.
"""

from typing import Any
from zlib import crc32

from contracts.events.base import Event, Order
from shared import clock, telemetry
from shared.context import Cause
from shared.events import Envelope, header, new_id

SHARDS = 16
"""All events of a key are in one shard, and a shard has one relay at a time. Fixed for the life of a database."""
LONGEST_KEY = 255
"""Bytes of a key in UTF-8. Keys are ids: a longer one is a mistake."""


def shard_of(key: str) -> int:
    """The shard of a key."""
    return crc32(key.encode()) % SHARDS


def order_of(sequence: int, nth: int) -> str:
    """The sort key of rows of one topic and key: their sequence, then their place in the transaction."""
    return f"{sequence:020d}.{nth:06d}"


def order_of_earlier(row: dict[str, Any]) -> str:
    """The order of a row that a release without `order` wrote: the sequence in its headers, then its id."""
    given = header([(name, bytes(value)) for name, value in row["headers"]], "ce_sequence")
    return f"{int(given or 0):020d}.{row['_id']}"


def check(event: Event) -> None:
    """Raises TypeError for an event without topic or sequence, ValueError for a key that is empty or too long."""
    name = type(event).__name__
    if not event.topic:
        raise TypeError(f"{name} is not declared as a published event")
    if event.order is Order.VERSION and event.sequence < 1:
        raise TypeError(f"{name} needs `sequence`, the aggregate's version after the change (or another `order`: contracts.events.base)")
    if not 1 <= len(event.key.encode()) <= LONGEST_KEY:
        raise ValueError(f"the key of {name} must have 1 to {LONGEST_KEY} bytes")


def row(event: Event, *, service: str, topic_prefix: str, cause: Cause, nth: int = 0) -> dict[str, Any]:
    """The row of one event, the `nth` of its transaction. Raises as `check` does."""
    check(event)
    topic = f"{topic_prefix}{event.topic}"
    id_ = new_id()
    envelope = Envelope(
        id=id_,
        type=event.event_type,
        source=f"urn:london-blocks:{service}",
        time=clock.now(),
        borough=cause.borough,
        correlation_id=cause.correlation_id or id_,
        causation_id=cause.causation_id,
        sequence=event.sequence,
        traceparent=telemetry.create_message(topic, event.event_type, id_),
        tracestate=telemetry.tracestate(),
    )
    return {
        "_id": id_,
        "shard": shard_of(event.key),
        "order": order_of(event.sequence, nth),
        "topic": topic,
        "key": event.key,
        "value": event.model_dump_json().encode(),
        "headers": [[name, value] for name, value in envelope.headers()],
        "at": envelope.time,
    }
