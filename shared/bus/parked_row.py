"""The row of a parked message or dead letter, bounded in size."""

from datetime import timedelta
from typing import Any

from shared import clock
from shared.bus.delivery import Delivery, Place, lane_of
from shared.bus.router import EventRouter, PermanentError
from shared.events import Headers
from shared.mongo import Document

LARGEST_BYTES = 2_000_000
"""Bytes of value, key and headers. The embedded database refuses a transaction of 10 MB; Kafka's limit for a message is 1 MB by default."""
CUT_VALUE_BYTES = 64_000
CUT_HEADERS_BYTES = 16_000
ERROR_TEXT = 500


def row_of(router: EventRouter, delivery: Delivery, error: BaseException | None) -> Document:
    """The row of a message, without its place: `error` is why it failed, None if it waits behind another."""
    dead = isinstance(error, PermanentError)
    now = clock.now()
    return {
        "consumer": router.name,
        "lane": lane_of(router, delivery),
        "state": "dead" if dead else "parked",
        "holds": not dead or is_strict(router, delivery),
        "topic": delivery.topic,
        "key": delivery.shown_key,
        "raw_key": delivery.key,
        "value": delivery.value,
        "headers": [[name, value] for name, value in delivery.headers],
        "event_type": delivery.envelope.type if delivery.envelope else "",
        "traceparent": delivery.traceparent,
        "partition": delivery.place.partition if delivery.place else None,
        "offset": delivery.place.offset if delivery.place else None,
        "attempts": 0 if error is None else 1,
        "due": now + timedelta(seconds=0 if error is None else router.pause(1)),
        "parked_at": now,
        **reason(error),
    }


def cut(row: Document) -> Document:
    """The row of a message that is too large to keep: dead, with the beginning of its content and its size."""
    headers: list[list[Any]] = []
    left = CUT_HEADERS_BYTES
    for name, value in row["headers"]:
        left -= len(name.encode()) + len(value or b"")
        if left < 0:
            break
        headers.append([name, value])
    why = PermanentError(f"the message has {_size(row)} bytes; at most {LARGEST_BYTES} can be kept, so it is cut")
    before = f" (before: {row['error_kind']})" if row["error_kind"] else ""
    return {
        **row,
        "state": "dead",
        "holds": False,
        "raw_key": (row["raw_key"] or b"")[:CUT_VALUE_BYTES] if row["raw_key"] is not None else None,
        "value": row["value"][:CUT_VALUE_BYTES],
        "headers": headers,
        "cut": True,
        "error_kind": type(why).__name__,
        "error": f"{why}{before}",
    }


def is_too_large(row: Document) -> bool:
    """Whether the message is larger than `LARGEST_BYTES`."""
    return _size(row) > LARGEST_BYTES


def delivery_of(row: Document) -> Delivery:
    """The message of a row, as received or as an operator mended it."""
    headers: Headers = [(name, None if value is None else bytes(value)) for name, value in row["headers"]]
    raw_key = row["raw_key"] if "raw_key" in row else row["key"].encode()  # rows of a release that stored keys as text
    key = None if raw_key is None else bytes(raw_key)
    place = Place(row["partition"], row["offset"]) if row.get("offset") is not None else None
    return Delivery.read(row["topic"], key, bytes(row["value"]), headers, place)


def is_strict(router: EventRouter, delivery: Delivery) -> bool:
    """Whether later messages of the key wait behind this one although it is dead."""
    handler = router.handlers.get(delivery.envelope.type) if delivery.envelope else None
    return handler is not None and handler.strict


def reason(error: BaseException | None) -> dict[str, str]:
    """The fields of a row that say why its message failed."""
    return {"error_kind": type(error).__name__ if error else "", "error": str(error)[:ERROR_TEXT] if error else ""}


def _size(row: Document) -> int:
    headers = sum(len(name.encode()) + len(value or b"") for name, value in row["headers"])
    return len(row["value"]) + len(row["raw_key"] or b"") + headers
