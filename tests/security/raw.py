"""Sends raw requests that no HTTP library would send."""

import asyncio
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """The answer received until the connection closed or the wait ended."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    closed: bool = False


async def send(port: int, *parts: bytes, seconds: float = 10.0) -> Answer:
    """Send the parts on one connection and return the first answer; status 0 means no answer within `seconds`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received, closed = b"", False
    try:
        for part in parts:
            writer.write(part)
        async with asyncio.timeout(seconds):
            while not _is_whole(received):
                chunk = await reader.read(65_536)
                if not chunk:
                    closed = True
                    break
                received += chunk
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.close()
    return _read(received, closed=closed)


def _is_whole(received: bytes) -> bool:
    _, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return False
    answer = _read(received, closed=False)
    return "content-length" in answer.headers and len(body) >= int(answer.headers["content-length"])


def _read(received: bytes, *, closed: bool) -> Answer:
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    if not first:
        return Answer(0, closed=closed)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(first.split()[1]), headers, body, closed)
