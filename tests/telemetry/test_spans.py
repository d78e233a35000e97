"""Spans made and encoded by the chassis are what OpenTelemetry's own SDK would have made and sent."""

from collections.abc import Callable

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import Link, Span, SpanKind, StatusCode, Tracer

from shared import spans, telemetry
from tests.telemetry.collector import receiving

RESOURCE = Resource.create({"service.name": "test"})
REMOTE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"


def a_request(tracer: Tracer, context: Context | None = None) -> Span:
    span = tracer.start_span("GET", context=context, kind=SpanKind.SERVER)
    span.update_name("GET /things")
    span.set_attributes({"http.route": "/things", "http.response.status_code": 200, "url.scheme": "http"})
    return span


def a_failure(tracer: Tracer, context: Context | None = None) -> Span:
    span = a_request(tracer, context)
    span.set_status(StatusCode.ERROR, "refused")
    span.set_status(StatusCode.UNSET)
    return span


def an_attempt(value: object) -> Callable[..., Span]:
    return lambda tracer, context=None: tracer.start_span("command", context=context, attributes={"blocks.attempt": value})


def an_event(tracer: Tracer, context: Context | None = None) -> Span:
    span = tracer.start_span("process", context=context, kind=SpanKind.CONSUMER, links=[Link(telemetry_context())])
    span.add_event("parked", {"attempt": 2}, timestamp=1_000)
    return span


def telemetry_context() -> trace.SpanContext:
    return trace.get_current_span(telemetry.context_of(f"{REMOTE}-01")).get_span_context()


KINDS = [a_request, a_failure, an_attempt(1), an_attempt(True), an_attempt(1.0), an_attempt("1"), an_attempt(["a", "b"]), an_event]


def made_by(tracer: Tracer, kinds: list[Callable[..., Span]]) -> None:
    """A root of each kind, and a child of a remote parent, twice."""
    for kind in kinds * 2:
        kind(tracer).end()
        kind(tracer, telemetry.context_of(f"{REMOTE}-01")).end()


def provider(roots: Sampler, exporter: InMemorySpanExporter) -> spans.TracerProvider:
    return spans.TracerProvider(RESOURCE, roots, SimpleSpanProcessor(exporter))


def test_what_is_sent_is_what_the_sdks_encoder_would_send():
    exporter = InMemorySpanExporter()
    made_by(provider(ALWAYS_ON, exporter).get_tracer("test"), KINDS)
    finished = exporter.get_finished_spans()
    assert len(finished) == len(KINDS) * 4

    sender = spans.SpanExporter("http://127.0.0.1:1/v1/traces")
    for _ in range(2):  # when it knows their forms too
        assert ExportTraceServiceRequest.FromString(sender.encoded(finished)) == encode_spans(finished)


def test_spans_of_two_tracers_are_sent_each_under_its_tracers_name():
    exporter = InMemorySpanExporter()
    both = provider(ALWAYS_ON, exporter)
    one, two = both.get_tracer("one"), both.get_tracer("two")
    for tracer in (one, two, one):
        a_request(tracer).end()
    sent = ExportTraceServiceRequest.FromString(spans.SpanExporter("http://127.0.0.1:1").encoded(exporter.get_finished_spans()))
    scopes = [scope for resource in sent.resource_spans for scope in resource.scope_spans]
    assert {(scope.scope.name, len(scope.spans)) for scope in scopes} == {("one", 2), ("two", 1)}


def test_a_span_holds_what_the_sdks_span_holds():
    ours, theirs = InMemorySpanExporter(), InMemorySpanExporter()
    made_by(provider(ALWAYS_ON, ours).get_tracer("test"), KINDS)
    sdk = TracerProvider(resource=RESOURCE, sampler=ParentBased(ALWAYS_ON))
    sdk.add_span_processor(SimpleSpanProcessor(theirs))
    made_by(sdk.get_tracer("test"), KINDS)

    def sent(exporter: InMemorySpanExporter) -> list[object]:
        encoded = encode_spans(exporter.get_finished_spans()).resource_spans[0].scope_spans[0].spans
        for span in encoded:
            span.span_id = b""
            span.trace_id = span.trace_id if span.parent_span_id else b""
            span.start_time_unix_nano = span.end_time_unix_nano = 0
        return list(encoded)

    assert sent(ours) == sent(theirs)


@pytest.mark.parametrize("parent", [None, *(f"{REMOTE}-{flags}" for flags in ("00", "01", "02", "03", "ff"))])
@pytest.mark.parametrize("roots", [ALWAYS_ON, ALWAYS_OFF, TraceIdRatioBased(1.0), TraceIdRatioBased(0.0)])
def test_a_child_is_recorded_where_its_parent_is_and_a_root_as_the_sampler_says(parent: str | None, roots: Sampler):
    context = telemetry.context_of(parent)
    ours = provider(roots, InMemorySpanExporter()).get_tracer("test").start_span("x", context=context)
    theirs = TracerProvider(sampler=ParentBased(roots)).get_tracer("test").start_span("x", context=context)
    assert ours.is_recording() is theirs.is_recording()
    assert ours.get_span_context().trace_flags == theirs.get_span_context().trace_flags
    if parent:
        assert ours.get_span_context().trace_id == theirs.get_span_context().trace_id


def test_what_comes_after_the_end_changes_nothing():
    exporter = InMemorySpanExporter()
    span = a_request(provider(ALWAYS_ON, exporter).get_tracer("test"))
    span.end()
    span.set_attribute("late", 1)
    span.set_attributes({"late": 1})
    span.add_event("late")
    span.update_name("late")
    span.set_status(StatusCode.ERROR)
    span.end()
    (finished,) = exporter.get_finished_spans()
    assert (finished.name, finished.status.status_code, finished.events) == ("GET /things", StatusCode.UNSET, ())
    assert "late" not in (finished.attributes or {})
    assert not span.is_recording()


def test_an_exceptions_text_is_in_no_span():
    exporter = InMemorySpanExporter()
    tracer = provider(ALWAYS_ON, exporter).get_tracer("test")

    def fail() -> None:
        with tracer.start_as_current_span("x"):
            raise ValueError("Ada Lovelace")

    with pytest.raises(ValueError, match="Ada"):
        fail()
    (finished,) = exporter.get_finished_spans()
    assert finished.status.status_code is StatusCode.ERROR
    assert (finished.attributes or {})["error.type"] == "ValueError"
    assert "Ada" not in finished.to_json()


def test_a_receiver_gets_every_span_and_an_absent_one_is_survived():
    with receiving() as (collector, endpoint):
        exporting = spans.TracerProvider(RESOURCE, ALWAYS_ON, BatchSpanProcessor(spans.SpanExporter(f"{endpoint}/v1/traces")))
        made_by(exporting.get_tracer("test"), [a_request] * 300)
        exporting.shutdown()
        assert len({span.id for span in collector.spans}) == 1_200
        assert {span.name for span in collector.spans} == {"GET /things"}
    assert isinstance(exporting.processor, BatchSpanProcessor)
    sender = exporting.processor.span_exporter
    assert isinstance(sender, OTLPSpanExporter)
    assert sender.export([]) is SpanExportResult.FAILURE, "it was shut down"
