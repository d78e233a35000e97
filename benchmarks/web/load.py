"""Sends requests as bytes over persistent connections, so that the client uses little of the machine that it shares with the server."""

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

CONNECTIONS = 8


async def offer(url: str, numbers: range, request: Callable[[int], bytes], *, connections: int = CONNECTIONS) -> None:
    """Send one request for each number; a connection sends its next request after its last answer.

    Raises `RuntimeError` for an answer outside 2xx.
    """
    waiting = iter(numbers)

    async def one_connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
        try:
            for number in waiting:
                writer.write(request(number))
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                body = await reader.readexactly(int(length.split(b":")[1]))
                if head[9:10] != b"2":
                    raise RuntimeError(f"{head[:60]!r} {body[:300]!r}")
        finally:
            writer.close()

    await asyncio.gather(*(one_connection() for _ in range(connections)))


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """Return one HTTP/1.1 request as bytes; an underscore in a header's name stands for a dash."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Accept: */*", "Accept-Encoding: gzip, deflate", "User-Agent: benchmark"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body
