"""A receiver of OTLP over HTTP (OTLP 1.x, binary protobuf) that keeps every export."""

import gzip
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
from google.protobuf.message import Message  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest, ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.trace.v1 import trace_pb2

_KINDS: Mapping[str, tuple[type[Message], type[Message]]] = {
    "/v1/traces": (ExportTraceServiceRequest, ExportTraceServiceResponse),
    "/v1/metrics": (ExportMetricsServiceRequest, ExportMetricsServiceResponse),
    "/v1/logs": (ExportLogsServiceRequest, ExportLogsServiceResponse),
}


@dataclass(frozen=True)
class Span:
    """A received span."""

    service: str
    kind: str
    """`server`, `client`, `producer`, `consumer` or `internal`."""
    name: str
    trace_id: str
    id: str
    parent_id: str
    """Empty for the root of a trace."""
    failed: bool
    attributes: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Values as text, whatever their type."""

    @property
    def label(self) -> str:
        """The span's name in tests: `move_home server POST /move/check`."""
        return f"{self.service} {self.kind} {self.name}"


class Collector:
    """Holds the exports received so far."""

    def __init__(self) -> None:
        self.exports: list[tuple[str, Message]] = []
        """Every export with its path, in order of arrival."""
        self.refused: list[str] = []
        """Exports that could not be read; a test expects none."""

    @property
    def spans(self) -> list[Span]:
        """Every span of every service."""
        return [span for _, export in self.exports if isinstance(export, ExportTraceServiceRequest) for span in _spans(export)]

    @property
    def contents(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every export as a dict (names, attributes, events, links, status, resources, metrics), with its path."""
        for path, export in self.exports:
            yield path, MessageToDict(export)

    def take(self, path: str, encoding: str, body: bytes) -> bytes | None:
        """Keep one export; return the answer's body, or None where the export cannot be read."""
        if path not in _KINDS:
            self.refused.append(f"{path}: no such path")
            return None
        request, response = _KINDS[path]
        export = request()
        try:
            export.ParseFromString(gzip.decompress(body) if encoding == "gzip" else body)
        except (ValueError, OSError, EOFError) as error:
            self.refused.append(f"{path}: {error}")
            return None
        self.exports.append((path, export))
        return bytes(response().SerializeToString())


def _spans(export: ExportTraceServiceRequest) -> Iterable[Span]:
    for resource in export.resource_spans:
        service = next(item.value.string_value for item in resource.resource.attributes if item.key == "service.name")
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(
                    service=service,
                    kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    failed=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
                    attributes={item.key: str(next(iter(MessageToDict(item.value).values()), "")) for item in span.attributes},
                )


@contextmanager
def run_collector(port: int = 0) -> Iterator[tuple[Collector, str]]:
    """Receive on `port`, by default a free one, until the end of the block; yield the collector and its base URL."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            answer = collector.take(self.path, self.headers.get("Content-Encoding", "").lower(), body)
            self.send_response(400 if answer is None else 200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer or b"")))
            self.end_headers()
            self.wfile.write(answer or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
            """Keep the test output free of access logs."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
