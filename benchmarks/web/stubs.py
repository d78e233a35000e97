"""Stubs for the service on the chassis: an issuer of access tokens, and a receiver of spans."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

ISSUER = "http://issuer.benchmark"
SERVER = Span.SpanKind.SPAN_KIND_SERVER
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Issuer:
    """Signs access tokens; the file of `jwks_url` holds its public key."""

    def __init__(self, directory: Path) -> None:
        self._key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
        file = directory / "jwks.json"
        file.write_text(json.dumps(KeySet([self._key]).as_dict(private=False)))
        self.jwks_url = file.as_uri()

    def token(self, scope: str, service: str = "benchmark") -> str:
        """Return an access token that is valid for an hour."""
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


class SpanReceiver:
    """An OTLP/HTTP receiver of traces and metrics. It decodes the spans only when a benchmark asks for their number."""

    def __init__(self) -> None:
        self.url = ""
        self._exports: list[bytes] = []

    def server_spans(self) -> int:
        """Return the number of received server spans."""
        exports = map(ExportTraceServiceRequest.FromString, self._exports)
        spans = (span for export in exports for one in export.resource_spans for scope in one.scope_spans for span in scope.spans)
        return sum(span.kind == SERVER for span in spans)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                if head.startswith(b"POST /v1/traces"):
                    self._exports.append(body)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def span_receiver() -> AsyncIterator[SpanReceiver]:
    """Run a receiver until the end of the block."""
    receiver = SpanReceiver()
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0)
    async with server:
        receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield receiver
