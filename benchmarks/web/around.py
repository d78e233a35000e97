"""What the service on the chassis needs around it: an issuer of access tokens, and a receiver of its spans."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

ISSUER = "http://issuer.benchmark"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Issuer:
    """Signs access tokens; its public key is in a file."""

    def __init__(self, directory: Path) -> None:
        self._key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
        file = directory / "jwks.json"
        file.write_text(json.dumps(KeySet([self._key]).as_dict(private=False)))
        self.jwks_url = file.as_uri()

    def token(self, scope: str, service: str = "benchmark") -> str:
        """One that is valid for an hour."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "sub": "benchmark",
            "client_id": "benchmark",
            "aud": f"urn:london-blocks:{service}",
            "scope": scope,
            "borough": "E09000012",
            "iat": now,
            "exp": now + 3600,
        }
        return jwt.encode({"alg": "ES256", "kid": self._key.kid, "typ": "at+jwt"}, claims, self._key)


@asynccontextmanager
async def span_receiver() -> AsyncIterator[str]:
    """An OTLP/HTTP receiver that takes everything and keeps nothing; its base URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = _LENGTH.search(head)
                await reader.readexactly(int(length[1]) if length else 0)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
