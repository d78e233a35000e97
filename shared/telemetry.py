"""Traces, metrics and logs by OpenTelemetry's SDK, with current semantic conventions and without personal data.

Spans carry methods, route templates, status codes, topic names, event types and pseudonymous ids; never a path with its values, a
query, a header, a body or a Kafka key. Without an exporter no span is recorded, and trace ids still pass from service to service.
"""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import context as active
from opentelemetry import metrics, propagate, trace
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBasedTraceIdRatio
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import security
from shared.exporters import CollectorWatch, WatchedMetricExporter, WatchedSpanExporter, stop_within
from shared.settings import ServiceSettings
from shared.version import VERSION

INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = (
    SpanKind.INTERNAL,
    SpanKind.SERVER,
    SpanKind.CLIENT,
    SpanKind.PRODUCER,
    SpanKind.CONSUMER,
)
_w3c = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("london-building-blocks")
_meter = metrics.get_meter("london-building-blocks")
SECONDS_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Boundaries that the semantic conventions advise for durations in seconds (HTTP and messaging metrics)."""


def seconds_histogram(name: str, description: str) -> metrics.Histogram:
    """A histogram of durations in seconds. The SDK's default boundaries suit milliseconds."""
    return _meter.create_histogram(name, unit="s", description=description, explicit_bucket_boundaries_advisory=SECONDS_BUCKETS)


http_duration = seconds_histogram("http.server.request.duration", "Duration of HTTP server requests.")
process_duration = seconds_histogram("messaging.process.duration", "Duration of handling one event.")
unsent = _meter.create_counter("blocks.outbox.refused.messages", description="Events that the broker refused for good, by topic.")
process_failures = _meter.create_counter(
    "blocks.process.failures", description="Commands that failed and instances that could not be chased, by process and kind."
)
operations = _meter.create_counter("messaging.client.consumed.messages", description="Events taken from Kafka, by outcome.")
_ODD = tuple("13579bdf")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"})
STOP_SECONDS = 2.0
"""The longest that a process's end waits for a collector that does not answer."""
EXPORT_MILLISECONDS = 1_000
"""How long a span waits for others before it is exported."""
_SPAN_LIMITS = SpanLimits(max_attribute_length=1_000)
"""The SDK limits the number of a span's attributes, events and links, and no value's length."""
_untraced_paths = frozenset({"/live", "/ready"})


def setup(settings: ServiceSettings) -> Callable[[], None]:
    """Start telemetry for this process. Returns the function that flushes and stops it."""
    propagate.set_global_textmap(_w3c)
    setup_logging(settings)
    resource = Resource.create(
        {
            "service.name": settings.name,
            "service.namespace": "london-building-blocks",
            "service.instance.id": settings.instance,
            "service.version": VERSION,
        }
    )
    if not settings.otlp_endpoint:
        trace.set_tracer_provider(TracerProvider(resource=resource, sampler=ALWAYS_OFF))
        return lambda: None
    base = settings.otlp_endpoint.rstrip("/")
    watch = CollectorWatch(base)
    span_exporter, metric_exporter = WatchedSpanExporter(base, watch), WatchedMetricExporter(base, watch)
    tracing = tracer_provider(resource, settings.trace_sample, span_exporter)
    metering = MeterProvider(
        resource=resource,
        metric_readers=[PeriodicExportingMetricReader(metric_exporter, export_interval_millis=15_000)],
    )
    trace.set_tracer_provider(tracing)
    metrics.set_meter_provider(metering)

    def stop() -> None:
        tracing.shutdown()
        metering.shutdown()

    return lambda: stop_within(STOP_SECONDS, (span_exporter, metric_exporter), stop)


def tracer_provider(resource: Resource, share: float, exporter: SpanExporter) -> TracerProvider:
    """OpenTelemetry's provider with its sampler `parentbased_traceidratio`: records `share` of new traces and follows a caller's decision.

    At most 2,048 spans wait for export (the SDK's default); a collector that is too slow costs spans, never memory.
    """
    provider = TracerProvider(ParentBasedTraceIdRatio(share), resource, span_limits=_SPAN_LIMITS, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=EXPORT_MILLISECONDS))
    return provider


def gauge(name: str, description: str, read: Callable[[], Iterable[tuple[float, Mapping[str, str]]]], unit: str = "1") -> None:
    """Register a gauge whose values `read` gives at each export."""

    def observe(_: CallbackOptions) -> list[Observation]:
        return [Observation(value, dict(attributes)) for value, attributes in read()]

    _meter.create_observable_gauge(name, [observe], unit=unit, description=description)


def traceparent() -> str | None:
    """The current span's W3C `traceparent`, to store with work that continues later."""
    carrier: dict[str, str] = {}
    _w3c.inject(carrier)
    return carrier.get("traceparent")


def trace_id() -> str | None:
    """The current trace id, 32 hexadecimal digits, or None outside a trace."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def tracestate() -> str | None:
    """The current span's W3C `tracestate`, which belongs beside its `traceparent`; None where no system added anything."""
    return trace.get_current_span().get_span_context().trace_state.to_header() or None


def context_of(parent: str | None, state: str | None = None) -> Context:
    """The context that a stored `traceparent` (and `tracestate`) names; an empty one where it names none."""
    carrier = {"traceparent": parent, "tracestate": state}
    return _w3c.extract({name: value for name, value in carrier.items() if value}, context=Context())


@contextmanager
def span(
    name: str,
    *,
    kind: SpanKind = INTERNAL,
    context: Context | None = None,
    attributes: Mapping[str, str | int | float | bool] | None = None,
    retried: bool = False,
) -> Iterator[Span]:
    """A span around a block. An exception marks it as failed by its type alone, because messages may quote personal data.

    With `retried` the caller tries again after an exception: the span names the exception's type and is no error.
    """
    current = _tracer.start_span(name, context=context, kind=kind, attributes=attributes)
    token = active.attach(trace.set_span_in_context(current))
    try:
        yield current
    except Exception as error:
        if retried:
            current.set_attribute("blocks.retried", type(error).__name__)
        else:
            current.set_attribute("error.type", type(error).__name__)
            current.set_status(Status(StatusCode.ERROR))
        raise
    finally:
        active.detach(token)
        current.end()


@contextmanager
def continued(
    parent: str | None,
    name: str,
    *,
    state: str | None = None,
    kind: SpanKind = INTERNAL,
    attributes: Mapping[str, str | int | float | bool] | None = None,
    retried: bool = False,
) -> Iterator[Span]:
    """A span around a block that continues the trace of a stored `traceparent` (and `tracestate`)."""
    with span(name, kind=kind, context=context_of(parent, state), attributes=attributes, retried=retried) as current:
        yield current


@contextmanager
def within(parent: str | None, state: str | None = None) -> Iterator[None]:
    """Makes logs and events of a block belong to the trace of a stored `traceparent`, without a span of its own."""
    token = active.attach(context_of(parent, state))
    try:
        yield
    finally:
        active.detach(token)


def create_message(topic: str, event_type: str, message_id: str) -> str | None:
    """Make the producer span of one message (messaging conventions). Returns its `traceparent` for the message's headers."""
    current = _tracer.start_span(
        f"create {topic}",
        kind=PRODUCER,
        attributes={
            "messaging.system": "kafka",
            "messaging.destination.name": topic,
            "messaging.operation.type": "create",
            "messaging.operation.name": "create",
            "messaging.message.id": message_id,
            "cloudevents.event_type": event_type,
        },
    )
    carrier: dict[str, str] = {}
    _w3c.inject(carrier, context=trace.set_span_in_context(current, Context()))
    current.end()
    return carrier.get("traceparent")


def is_sampled(parent: str | None) -> bool:
    """Whether a stored `traceparent` belongs to a recorded trace: the lowest bit of its flags (W3C Trace Context Level 2, 3.2.2.5).

    The SDK sets another bit too, which says that the trace id is random.
    """
    return parent is not None and parent.endswith(_ODD)


def start(name: str, *, kind: SpanKind, parent: str | None, attributes: Mapping[str, str | int]) -> Span:
    """Begin a span that the caller ends, for work in batches."""
    return _tracer.start_span(name, context=context_of(parent), kind=kind, attributes=dict(attributes))


def carried(current: Span) -> str | None:
    """The `traceparent` that names this span as the parent."""
    carrier: dict[str, str] = {}
    _w3c.inject(carrier, context=trace.set_span_in_context(current, Context()))
    return carrier.get("traceparent")


class TraceMiddleware:
    """Makes the server span of each HTTP request and records its duration (HTTP semantic conventions).

    Plain ASGI middleware: FastAPI's own telemetry and the contrib instrumentation write paths with their values, at twice the cost.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _untraced_paths:
            await self.app(scope, receive, send)
            return
        parent = _header(scope, b"traceparent")
        state = _header(scope, b"tracestate") if parent else None
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        status = 500
        began = time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        current = _tracer.start_span(method, context=context_of(parent, state), kind=SERVER)
        token = active.attach(trace.set_span_in_context(current))
        try:
            with security.record_refusals() as answered:
                await self.app(scope, receive, sending)
                answered.status = status
        finally:
            active.detach(token)
            route = _template(scope)
            seen = {"http.request.method": method, "http.response.status_code": status, "url.scheme": scope["scheme"]}
            if route:
                seen["http.route"] = route
            if status >= 500:
                seen["error.type"] = str(status)
            if current.is_recording():
                current.update_name(f"{method} {route}" if route else method)
                current.set_attributes({**seen, "url.path": route} if route else seen)  # the template: a path may hold personal data
                if status >= 500:
                    current.set_status(Status(StatusCode.ERROR))
                current.end()
            http_duration.record(time.perf_counter() - began, seen)


def _template(scope: Scope) -> str | None:
    """The template of the route that answers, with the prefixes that its router was included with; None where no route does."""
    route = scope.get("fastapi", {}).get("effective_route_context") or scope.get("route")  # FastAPI has no public name for the former
    return getattr(route, "path", None)


def _header(scope: Scope, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


class _JsonLines(logging.Formatter):
    """One JSON object a line: time, level, service, logger, message, trace id, and an error's type and place, never its text."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if (current := trace_id()) is not None:
            line["trace_id"] = current
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            place = record.exc_info[2]
            while place is not None and place.tb_next is not None:
                place = place.tb_next
            if place is not None:
                line["at"] = f"{place.tb_frame.f_code.co_filename.rsplit('/', 2)[-1]}:{place.tb_lineno}"
        return json.dumps(line, ensure_ascii=False)


def setup_logging(settings: ServiceSettings) -> None:
    """Log JSON lines to standard output; third-party chatter from WARNING on."""
    handler = logging.StreamHandler(sys.stdout)
    formatter = _JsonLines(settings.name)
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("shared", "services", "examples", "blocks"):
        logging.getLogger(name).setLevel(settings.log_level)
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # it warns of each request that is not HTTP, so anyone could fill the disk
