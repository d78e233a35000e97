"""Whether a MongoDB server takes writes: asked in its own protocol, without a driver, which the runner needs for nothing else.

One OP_MSG `{hello: 1, $db: "admin"}` (MongoDB wire protocol, opcode 2013); the answer is `isWritablePrimary: true` as BSON spells it.
"""

import asyncio
import struct

from deploy.embedded.ports import LOOPBACK

_OP_MSG = 2013
_HEADER = struct.Struct("<iiii")
_LONGEST_ANSWER = 1_000_000
_PATIENCE = 2.0


async def takes_writes(port: int) -> bool:
    """Whether the server on `port` says that it is a writable primary."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return b"\x08isWritablePrimary\x00\x01" in await _hello(port)
    except (OSError, TimeoutError, EOFError, ValueError):
        return False


async def _hello(port: int) -> bytes:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        body = struct.pack("<iB", 0, 0) + _document(
            b"\x10hello\x00" + struct.pack("<i", 1) + b"\x02$db\x00" + struct.pack("<i", 6) + b"admin\x00"
        )
        writer.write(_HEADER.pack(_HEADER.size + len(body), 1, 0, _OP_MSG) + body)
        length, _, _, _ = _HEADER.unpack(await reader.readexactly(_HEADER.size))
        if not _HEADER.size <= length <= _LONGEST_ANSWER:
            raise ValueError("no MongoDB server")
        return await reader.readexactly(length - _HEADER.size)
    finally:
        writer.close()


def _document(elements: bytes) -> bytes:
    """Elements as a BSON document."""
    return struct.pack("<i", 4 + len(elements) + 1) + elements + b"\x00"
