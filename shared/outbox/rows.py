"""One outbox row per event, complete: the relay sends what is written here and decides nothing."""

from typing import Any
from zlib import crc32

from contracts.events.base import Event
from shared import clock, telemetry
from shared.context import Cause
from shared.events import Envelope, new_id

SHARDS = 16
"""Events of one key are always in one shard, and a shard has one relay at a time. Fixed for the life of a database."""


def shard_of(key: str) -> int:
    """The shard of a key."""
    return crc32(key.encode()) % SHARDS


def row(event: Event, *, service: str, topic_prefix: str, cause: Cause) -> dict[str, Any]:
    """The row of one event. Called inside the transaction, so that ids of one aggregate increase in the order of its commits."""
    if not event.topic:
        raise TypeError(f"{type(event).__name__} is not declared as a published event")
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
        traceparent=telemetry.create_message(topic, event.event_type),
        tracestate=telemetry.tracestate(),
    )
    return {
        "_id": id_,
        "shard": shard_of(event.key),
        "topic": topic,
        "key": event.key,
        "value": event.model_dump_json().encode(),
        "headers": [[name, value] for name, value in envelope.headers()],
        "at": envelope.time,
    }
