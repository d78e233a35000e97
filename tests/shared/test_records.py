"""The consumer gets every decodable record of a batch; the rest is set aside."""

from typing import Any

import pytest
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.record.util import calc_crc32c

from shared.bus.records import UNDECODABLE, Records
from tests.support.odd_records import RawName

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4


def _batch(*headers: list[tuple[str, bytes | None]], compression: int = 0, first: int = 0) -> bytes:
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, 1_000_000)
    for number, of_one in enumerate(headers):
        builder.append(number, 1000 + number, b"key", b"value %d" % number, of_one)
    built = bytearray(builder.build())
    built[:8] = first.to_bytes(8, "big")
    return bytes(built)


def _read(data: bytes) -> list[Any]:
    records, found = Records(data), []
    while records.has_next():
        batch = records.next_batch()
        assert batch.validate_crc()
        found += [(record.offset, record.value, record.headers) for record in batch]
    return found


@pytest.mark.parametrize("compression", [0, GZIP, SNAPPY, LZ4, ZSTD])
def test_a_header_name_that_is_not_utf8_keeps_its_bytes_and_its_neighbours(compression):
    data = _batch([("a", b"1")], [(RawName(b"\xff\xfe"), b"2"), ("b", None)], [], compression=compression)
    assert _read(data) == [(0, b"value 0", [("a", b"1")]), (1, b"value 1", [("\\xff\\xfe", b"2"), ("b", None)]), (2, b"value 2", [])]


def test_a_damaged_batch_is_one_record_and_the_next_batch_is_read():
    damaged = bytearray(_batch([], []))
    damaged[-1] ^= 1
    [first, *rest] = _read(bytes(damaged) + _batch([], first=2))
    offset, value, headers = first
    assert (offset, value, headers) == (1, bytes(damaged), [(UNDECODABLE, b"ChecksumError")])
    assert headers[0][0] is UNDECODABLE
    assert rest == [(2, b"value 0", [])]


def test_a_batch_in_a_compression_that_nobody_knows_is_one_record():
    data = bytearray(_batch([], []))
    data[22] |= 7  # the lower bits of the attributes, of which 5 to 7 mean nothing
    data[17:21] = calc_crc32c(bytes(data[21:])).to_bytes(4, "big")
    [(offset, value, headers)] = _read(bytes(data))
    assert (offset, value) == (1, bytes(data))
    assert headers == [(UNDECODABLE, b"UnsupportedCodecError")]


def test_a_header_that_has_the_name_of_the_mark_is_no_mark():
    [(_, _, headers)] = _read(_batch([(str(UNDECODABLE), b"1")]))
    assert headers[0][0] is not UNDECODABLE
