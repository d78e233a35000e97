"""Sends records that any Kafka client may write: null and huge parts, and bytes that are not UTF-8, even in header names."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from contracts.events.base import Event
from shared.events import new_id

Header = tuple[str, bytes | None]
LARGEST = 30_000_000


class RawName(str):
    """A header name given as raw bytes, UTF-8 or not."""

    raw: bytes

    def __new__(cls, raw: bytes) -> Self:
        name = super().__new__(cls, raw.decode("latin-1"))
        name.raw = raw
        return name

    def encode(self, *_: Any, **__: Any) -> bytes:
        """Return the raw bytes, which go over the wire unchanged."""
        return self.raw


@dataclass(frozen=True)
class Odd:
    """A record that the bus must survive."""

    key: bytes | None = b"key"
    value: bytes | None = b"value"
    headers: Sequence[Header] = field(default_factory=tuple)


def record(
    event: Event, *more: Header, key: bytes | None = b"", id_: str | None = None, source: str = "urn:test", without: str = ""
) -> Odd:
    """Return a valid record of an event, with more headers, another key (`None`: no key) or without one of its headers."""
    headers: list[Header] = [
        ("ce_specversion", b"1.0"),
        ("ce_id", (new_id() if id_ is None else id_).encode()),
        ("ce_type", event.event_type.encode()),
        ("ce_source", source.encode()),
        ("ce_time", b"2026-01-01T00:00:00Z"),
    ]
    replaced = {name for name, _ in more} | {without}
    kept = [header for header in headers if header[0] not in replaced]
    return Odd(event.key.encode() if key == b"" else key, event.model_dump_json().encode(), [*kept, *more])


async def send(kafka: dict[str, Any], topic: str, *batches: Iterable[Odd], partition: int = 0) -> None:
    """Send batches of records to one partition; `kafka` holds the client's connection options."""
    async with AIOKafkaProducer(**kafka, max_request_size=LARGEST) as producer:
        for records in batches:
            batch = producer.create_batch()
            batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, -1, LARGEST)  # the compiled builder rejects subclasses of str
            for odd in records:
                batch.append(timestamp=None, key=odd.key, value=odd.value, headers=list(odd.headers))
            await (await producer.send_batch(batch, topic, partition=partition))
