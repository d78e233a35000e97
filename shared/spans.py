"""Spans at a tenth of what the SDK's own cost: the server span of a request is the largest part of what tracing takes.

The SDK's span takes a lock and checks each value at every change, for any number of threads and any caller; its encoder makes a
dozen messages for each span. Here a span is a plain object that one task changes, and what spans of one kind have in common is
encoded once. Providers, samplers, processors and exporters are met at OpenTelemetry's own interfaces, so each can be replaced.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import time_ns

from opentelemetry import context as active
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AnyValue, Attributes

_UNSET = Status(StatusCode.UNSET)
_NEW_TRACE = TraceFlags(TraceFlags.RANDOM_TRACE_ID | TraceFlags.SAMPLED)
_FORMS = 1_000
"""How many kinds of spans an exporter remembers: routes, topics and their outcomes; never as many in one service."""


class TracerProvider(trace.TracerProvider):
    """Gives tracers whose spans go to one processor when they end. A child is recorded where its parent is; `roots` decides about
    new traces.
    """

    def __init__(self, resource: Resource, roots: Sampler, processor: SpanProcessor) -> None:
        self.resource, self.roots, self.processor = resource, roots, processor

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> trace.Tracer:
        """A tracer that names itself so in each span."""
        return Tracer(self, InstrumentationScope(instrumenting_module_name, instrumenting_library_version or "", schema_url, attributes))

    def shutdown(self) -> None:
        """Export what is left."""
        self.processor.shutdown()


class Tracer(trace.Tracer):
    """Begins spans."""

    def __init__(self, provider: TracerProvider, scope: InstrumentationScope) -> None:
        self.provider, self.scope = provider, scope
        self._ids = RandomIdGenerator()

    def start_span(  # noqa: PLR0917 (OpenTelemetry's signature)
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: ARG002
        set_status_on_exception: bool = True,  # noqa: ARG002
    ) -> Span:
        """Begin a span that the caller ends."""
        above = trace.get_current_span(context).get_span_context()
        parent = above if above.is_valid else None
        trace_id = parent.trace_id if parent else self._ids.generate_trace_id()
        flags = TraceFlags(parent.trace_flags & _NEW_TRACE) if parent else self._flags(trace_id, name, kind)
        state = parent.trace_state if parent else None
        own = SpanContext(trace_id, self._ids.generate_span_id(), is_remote=False, trace_flags=flags, trace_state=state)
        if not flags.sampled:
            return NonRecordingSpan(own)
        return RecordedSpan(self, name, own, parent, kind, attributes, links or (), start_time or time_ns())

    def _flags(self, trace_id: int, name: str, kind: SpanKind) -> TraceFlags:
        """Of a new trace."""
        if self.provider.roots.should_sample(None, trace_id, name, kind).decision is Decision.RECORD_AND_SAMPLE:
            return _NEW_TRACE
        return TraceFlags(_NEW_TRACE & ~TraceFlags.SAMPLED)

    @contextmanager
    def start_as_current_span(  # type: ignore[override]  # noqa: PLR0917 (OpenTelemetry's own kind of context manager is private)
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> Iterator[Span]:
        """Begin a span that is the current one inside the block."""
        current = self.start_span(name, context, kind, attributes, links, start_time)
        token = active.attach(trace.set_span_in_context(current))
        try:
            yield current
        except Exception as error:
            if record_exception:
                current.record_exception(error)
            if set_status_on_exception:
                current.set_status(StatusCode.ERROR)
            raise
        finally:
            active.detach(token)
            if end_on_exit:
                current.end()


class RecordedSpan(Span):
    """A span that is exported when it ends. It belongs to one task: nothing here takes a lock."""

    def __init__(  # noqa: PLR0917
        self,
        tracer: Tracer,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        kind: SpanKind,
        attributes: Attributes,
        links: Sequence[Link],
        start_time: int,
    ) -> None:
        self._tracer, self._name, self._context, self._parent, self._kind = tracer, name, context, parent, kind
        self._attributes: dict[str, AnyValue] = dict(attributes) if attributes else {}
        self._links, self._events = list(links), list[Event]()
        self._status = _UNSET
        self._start_time = start_time
        self._ended = False

    def get_span_context(self) -> SpanContext:
        """What names it."""
        return self._context

    def is_recording(self) -> bool:
        """Until it ends."""
        return not self._ended

    def set_attributes(self, attributes: Mapping[str, AnyValue]) -> None:
        """Set all of these. What comes after the end is too late, here and below."""
        if not self._ended:
            self._attributes.update(attributes)

    def set_attribute(self, key: str, value: AnyValue) -> None:
        """Set one."""
        if not self._ended:
            self._attributes[key] = value

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Something happened at an instant."""
        if not self._ended:
            self._events.append(Event(name, attributes, timestamp))

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Name a span of another trace."""
        if not self._ended:
            self._links.append(Link(context, attributes))

    def update_name(self, name: str) -> None:
        """Name it anew."""
        if not self._ended:
            self._name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """OK is the last word (OpenTelemetry, trace API, Set Status); to unset it is not possible."""
        if not isinstance(status, Status):
            status = Status(status, description)
        if not self._ended and status.status_code is not StatusCode.UNSET and self._status.status_code is not StatusCode.OK:
            self._status = status

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,  # noqa: ARG002
        timestamp: int | None = None,  # noqa: ARG002
        escaped: bool = False,  # noqa: ARG002
    ) -> None:
        """Its type alone: an exception's message and stack may quote personal data."""
        self.set_attribute("error.type", type(exception).__name__)

    def end(self, end_time: int | None = None) -> None:
        """Hand it over to be exported. Only the first call counts."""
        if self._ended:
            return
        self._ended = True
        provider = self._tracer.provider
        provider.processor.on_end(
            ReadableSpan(
                self._name,
                self._context,
                self._parent,
                provider.resource,
                self._attributes,
                self._events,
                self._links,
                self._kind,
                status=self._status,
                start_time=self._start_time,
                end_time=end_time or time_ns(),
                instrumentation_scope=self._tracer.scope,
            )
        )


class SpanExporter(OTLPSpanExporter):
    """OpenTelemetry's exporter of OTLP over HTTP, with spans encoded from forms: the first of a kind by its encoder, the next ones
    as copies of that with other ids and times.
    """

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint=endpoint)
        self._forms: dict[tuple[object, ...], trace_pb2.Span] = {}

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them; what cannot be sent is logged by the client and dropped."""
        if self._shutdown or not self._client.export(self.encoded(spans)).success:
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def encoded(self, spans: Sequence[ReadableSpan]) -> bytes:
        """An `ExportTraceServiceRequest` of spans that have one resource."""
        request = ExportTraceServiceRequest()
        by_scope: dict[int, list[ReadableSpan]] = {}
        for span in spans:
            by_scope.setdefault(id(span.instrumentation_scope), []).append(span)
        for first, *others in by_scope.values():
            request.resource_spans.append(encode_spans((first,)).resource_spans[0])
            into = request.resource_spans[-1].scope_spans[0].spans
            for span in others:
                self._add(into.add(), span)
        return bytes(request.SerializeToString())

    def _add(self, added: trace_pb2.Span, span: ReadableSpan) -> None:
        form = self._form(span)
        added.CopyFrom(form or _whole(span))
        if form is not None:
            context, parent = span.context, span.parent
            added.trace_id = context.trace_id.to_bytes(16, "big")
            added.span_id = context.span_id.to_bytes(8, "big")
            if parent:
                added.parent_span_id = parent.span_id.to_bytes(8, "big")
            added.start_time_unix_nano, added.end_time_unix_nano = span.start_time or 0, span.end_time or 0

    def _form(self, span: ReadableSpan) -> trace_pb2.Span | None:
        """A span that differs from this one in ids and times alone; None where more may tell it from others."""
        if span.events or span.links or span.context.trace_state:
            return None
        attributes, status, parent = span.attributes or {}, span.status, span.parent
        types = tuple(map(type, attributes.values()))  # because 1 and True are equal
        key = (span.name, span.kind, parent and parent.is_remote, status.status_code, status.description, types, *attributes.items())
        try:
            form = self._forms.get(key)
        except TypeError:  # a list among the values
            return None
        if form is None:
            if len(self._forms) >= _FORMS:
                self._forms.clear()
            form = self._forms[key] = _whole(span)
        return form


def _whole(span: ReadableSpan) -> trace_pb2.Span:
    encoded: trace_pb2.Span = encode_spans((span,)).resource_spans[0].scope_spans[0].spans[0]
    return encoded
