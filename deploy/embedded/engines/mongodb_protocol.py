"""Whether a MongoDB server takes writes and serves rows: asked in its own protocol, because the runner needs a driver for nothing else.

A command is one OP_MSG (MongoDB wire protocol, opcode 2013) with one document in BSON. The answers are not decoded: it is enough to find
`isWritablePrimary: true` or `ok: 1.0` as BSON spells them.
"""

import asyncio
import struct
from collections.abc import Mapping
from typing import Any

from deploy.embedded.ports import LOOPBACK

_OP_MSG = 2013
_HEADER = struct.Struct("<iiii")
_LONGEST_ANSWER = 1_000_000
_PATIENCE = 2.0
_ROW_PATIENCE = 10.0
"""A write may wait behind others for the disk."""
_OK = b"\x01ok\x00" + struct.pack("<d", 1.0)
_DATABASE, _ROWS = "blocks", "watched"


async def takes_writes(port: int) -> bool:
    """Whether the server on `port` says that it is a writable primary."""
    return b"\x08isWritablePrimary\x00\x01" in await _answer(port, {"hello": 1, "$db": "admin"})


async def serves_rows(port: int) -> bool:
    """Whether the server on `port` writes a row and reads it."""
    upsert = {"q": {"_id": 1}, "u": {"$inc": {"asked": 1}}, "upsert": True}
    if _OK not in await _answer(port, {"update": _ROWS, "$db": _DATABASE, "updates": [upsert]}, _ROW_PATIENCE):
        return False
    read = await _answer(port, {"find": _ROWS, "$db": _DATABASE, "filter": {"_id": 1}, "limit": 1}, _ROW_PATIENCE)
    return _OK in read and b"asked" in read


async def _answer(port: int, command: Mapping[str, Any], patience: float = _PATIENCE) -> bytes:
    """The server's answer; empty where there is none within `patience` seconds."""
    try:
        async with asyncio.timeout(patience):
            return await _ask(port, command)
    except (OSError, TimeoutError, EOFError, ValueError):
        return b""


async def _ask(port: int, command: Mapping[str, Any]) -> bytes:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        body = struct.pack("<iB", 0, 0) + _document(command)
        writer.write(_HEADER.pack(_HEADER.size + len(body), 1, 0, _OP_MSG) + body)
        length, _, _, _ = _HEADER.unpack(await reader.readexactly(_HEADER.size))
        if not _HEADER.size <= length <= _LONGEST_ANSWER:
            raise ValueError("no MongoDB server")
        return await reader.readexactly(length - _HEADER.size)
    finally:
        writer.close()


def _document(fields: Mapping[str, Any]) -> bytes:
    """Fields as a BSON document: text, whole numbers, true and false, documents and lists of these."""
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
        case list():
            return b"\x04" + key + _document({str(place): each for place, each in enumerate(value)})
        case _:
            return b"\x03" + key + _document(value)
