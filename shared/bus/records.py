"""Decodes fetched record batches so that an unreadable record affects no other.

aiokafka decodes header names as UTF-8 inside its own iteration (`aiokafka/record/default_records.py`), and raises for a batch that is
damaged or compressed by a codec that it lacks. Such an error leaves `getmany()`: records of other partitions, already counted as consumed,
are lost, and the partition stays at that record for ever. Importing this module makes the fetcher of this process use `Records`, which
differs from aiokafka's class only where that one raises:

- a header name that is not UTF-8 keeps its bytes as `\\xNN`;
- a batch that cannot be decoded at all becomes one record with the batch's bytes as value, marked by the header `UNDECODABLE`.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint

_OVERHEAD = 12
"""Bytes of a batch before those that its length counts: base offset (8) and the length itself (4)."""
_OLD_FORMAT = 2
"""The first version of the record format with headers."""


class _Mark(str):
    """A header name that is compared by identity, so that the same text in a record is not taken for it."""

    __slots__ = ()


UNDECODABLE = _Mark("blocks-undecodable")


class Record:
    """The fields of a record that the fetcher reads."""

    __slots__ = ("checksum", "headers", "key", "offset", "timestamp", "timestamp_type", "value")

    def __init__(
        self, offset: int, timestamp: int, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]
    ) -> None:
        self.offset, self.timestamp, self.key, self.value, self.headers = offset, timestamp, key, value, headers
        self.timestamp_type, self.checksum = 0, None


class Records:
    """aiokafka's `MemoryRecords`, with batches whose iteration never raises."""

    def __init__(self, data: bytes) -> None:
        self._records = MemoryRecords(data)
        self._data = memoryview(data)
        self._at = 0

    def size_in_bytes(self) -> int:
        """Bytes of all batches, with a cut one at the end."""
        return int(self._records.size_in_bytes())

    def has_next(self) -> bool:
        """Whether there is another whole batch."""
        return bool(self._records.has_next())

    def next_batch(self) -> Any:
        """The next batch, or None."""
        batch = self._records.next_batch()
        length = int.from_bytes(self._data[self._at + 8 : self._at + _OVERHEAD], "big")
        data = self._data[self._at : self._at + _OVERHEAD + length]
        self._at += _OVERHEAD + length
        return batch if batch is None or data[16] < _OLD_FORMAT or batch.is_control_batch else Batch(batch, data)


class Batch:
    """One batch of the record format with headers."""

    __slots__ = ("_batch", "_data", "base_offset", "is_control_batch", "is_transactional", "next_offset", "producer_id")

    def __init__(self, batch: Any, data: memoryview) -> None:
        self._batch, self._data = batch, data
        self.base_offset, self.next_offset, self.producer_id = batch.base_offset, batch.next_offset, batch.producer_id
        self.is_control_batch, self.is_transactional = False, batch.is_transactional

    def validate_crc(self) -> bool:
        """True: the iteration replaces a batch whose checksum is wrong."""
        return True

    def __iter__(self) -> Iterator[Any]:
        """Its records; those that aiokafka cannot decode are replaced as the module describes."""
        if not self._batch.validate_crc():
            yield self._set_aside("ChecksumError")
            return
        given = 0
        try:
            for record in self._batch:
                given += 1
                yield record
        except Exception as error:  # noqa: BLE001 (no content of a batch may hold up its partition)
            yield from self._others(given, error)

    def _others(self, given: int, error: Exception) -> Iterator[Record]:
        if isinstance(error, UnicodeDecodeError):
            try:
                yield from _decoded(self._data)[given:]
            except Exception as second:  # noqa: BLE001
                error = second
            else:
                return
        yield self._set_aside(type(error).__name__)

    def _set_aside(self, why: str) -> Record:
        return Record(self.next_offset - 1, self._batch.first_timestamp, None, bytes(self._data), [(UNDECODABLE, why.encode())])


def _decoded(data: memoryview) -> list[Record]:
    """All records of a batch (Kafka's record format version 2), with header names of any bytes."""
    batch = _DefaultRecordBatchPy(data)
    iter(batch)  # uncompresses
    buffer, at = batch._buffer, batch._pos  # noqa: SLF001 (aiokafka keeps them to itself)
    records = []
    for _ in range(batch._num_records):  # noqa: SLF001
        record, at = _record(batch, buffer, at)
        records.append(record)
    return records


def _record(batch: _DefaultRecordBatchPy, buffer: bytearray, at: int) -> tuple[Record, int]:
    length, at = decode_varint(buffer, at)
    end = at + length
    after, at = decode_varint(buffer, at + 1)  # after the attributes
    offset, at = decode_varint(buffer, at)
    key, at = _bytes(buffer, at)
    value, at = _bytes(buffer, at)
    count, at = decode_varint(buffer, at)
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        name, at = _bytes(buffer, at)
        content, at = _bytes(buffer, at)
        headers.append(((name or b"").decode(errors="backslashreplace"), content))
    if at != end:
        raise ValueError("a record's length is wrong")
    return Record(batch.base_offset + offset, batch.first_timestamp + after, key, value, headers), at


def _bytes(buffer: bytearray, at: int) -> tuple[bytes | None, int]:
    length, at = decode_varint(buffer, at)
    if length < 0:
        return None, at
    if at + length > len(buffer):
        raise ValueError("a length points beyond the end")
    return bytes(buffer[at : at + length]), at + length


fetcher.MemoryRecords = Records
