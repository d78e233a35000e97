"""Checks in the MongoDB wire protocol whether a server takes writes and serves rows, so that the runner needs no driver (30 MB).

A command is one OP_MSG (opcode 2013) with one BSON document. The module does not decode answers: it searches them for the BSON bytes of
`isWritablePrimary: true` or `ok: 1.0`.
"""

import asyncio
import struct
from collections.abc import Mapping
from typing import Any, Self

from scramp import ScramClient, ScramException

from deploy.embedded.ports import LOOPBACK

_OP_MSG = 2013
_HEADER = struct.Struct("<iiii")
_MAX_ANSWER_BYTES = 1_000_000
_TIMEOUT = 2.0
_ROW_TIMEOUT = 10.0
"""Seconds: a write may wait behind others for the disk."""
_OK = b"\x01ok\x00" + struct.pack("<d", 1.0)
_ROWS = "watched"
_MECHANISM = "SCRAM-SHA-256"


async def takes_writes(port: int) -> bool:
    """Return whether the server on `port` reports that it is a writable primary."""
    return b"\x08isWritablePrimary\x00\x01" in await _answer(port, {"hello": 1, "$db": "admin"})


class RowProbe:
    """Checks that a server writes and reads a row. It keeps one connection, as a user with a database of the same name."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self._port, self._user, self._password = port, user, password
        self._connection: _Connection | None = None

    async def serves_rows(self) -> bool:
        """Return whether the server wrote and read a row within `_ROW_TIMEOUT`."""
        try:
            async with asyncio.timeout(_ROW_TIMEOUT):
                if self._connection is None:
                    self._connection = await _Connection.open(self._port)
                    await self._connection.authenticate(self._user, self._password)
                return await self._write_and_read(self._connection)
        except (OSError, TimeoutError, EOFError, ValueError, ScramException):
            self._close()
            return False
        except BaseException:
            self._close()
            raise

    async def _write_and_read(self, connection: "_Connection") -> bool:
        upsert = {"q": {"_id": 1}, "u": {"$inc": {"asked": 1}}, "upsert": True}
        if _OK not in await connection.ask({"update": _ROWS, "$db": self._user, "updates": [upsert]}):
            return False
        read = await connection.ask({"find": _ROWS, "$db": self._user, "filter": {"_id": 1}, "limit": 1})
        return _OK in read and b"asked" in read

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


async def _answer(port: int, command: Mapping[str, Any]) -> bytes:
    """Return the server's answer; empty where none comes within `_TIMEOUT`."""
    try:
        async with asyncio.timeout(_TIMEOUT):
            connection = await _Connection.open(port)
            try:
                return await connection.ask(command)
            finally:
                connection.close()
    except (OSError, TimeoutError, EOFError, ValueError):
        return b""


class _Connection:
    """A connection to a server on the loopback interface."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection(LOOPBACK, port))

    def close(self) -> None:
        self._writer.close()

    async def ask(self, command: Mapping[str, Any]) -> bytes:
        """Send one command and return the answer. Raises ValueError where no MongoDB server answers."""
        body = struct.pack("<iB", 0, 0) + _document(command)
        self._writer.write(_HEADER.pack(_HEADER.size + len(body), 1, 0, _OP_MSG) + body)
        length, _, _, _ = _HEADER.unpack(await self._reader.readexactly(_HEADER.size))
        if not _HEADER.size <= length <= _MAX_ANSWER_BYTES:
            raise ValueError("no MongoDB server")
        return await self._reader.readexactly(length - _HEADER.size)

    async def authenticate(self, user: str, password: str) -> None:
        """Authenticate by SCRAM-SHA-256 (RFC 7677) in the user's own database. Raises ValueError or ScramException on refusal."""
        scram = ScramClient([_MECHANISM], user, password)
        started = {"saslStart": 1, "mechanism": _MECHANISM, "payload": scram.get_client_first().encode(), "$db": user}
        answer = await self.ask(started)
        scram.set_server_first(_payload(answer).decode())
        continuation = {"saslContinue": 1, "conversationId": _conversation(answer), "$db": user}
        answer = await self.ask({**continuation, "payload": scram.get_client_final().encode()})
        scram.set_server_final(_payload(answer).decode())
        if b"\x08done\x00\x01" not in answer:
            await self.ask({**continuation, "payload": b""})


def _payload(answer: bytes) -> bytes:
    """Return the server's SASL message, the binary element `payload`."""
    _, found, rest = answer.partition(b"\x05payload\x00")
    if not found:
        raise ValueError("the server refuses the user name or the password")
    (length,) = struct.unpack_from("<i", rest)
    return rest[5 : 5 + length]


def _conversation(answer: bytes) -> int:
    _, _, rest = answer.partition(b"\x10conversationId\x00")
    return int(struct.unpack_from("<i", rest)[0])


def _document(fields: Mapping[str, Any]) -> bytes:
    """Encode fields as a BSON document: str, int (32 bits), bytes, bool, documents and lists of these."""
    elements = b"".join(_element(name, value) for name, value in fields.items())
    return struct.pack("<i", 4 + len(elements) + 1) + elements + b"\x00"


def _element(name: str, value: Any) -> bytes:
    key = name.encode() + b"\x00"
    match value:
        case bool():
            return b"\x08" + key + bytes([value])
        case int():
            return b"\x10" + key + struct.pack("<i", value)
        case str():
            text = value.encode() + b"\x00"
            return b"\x02" + key + struct.pack("<i", len(text)) + text
        case bytes():
            return b"\x05" + key + struct.pack("<iB", len(value), 0) + value
        case list():
            return b"\x04" + key + _document({str(place): each for place, each in enumerate(value)})
        case _:
            return b"\x03" + key + _document(value)
