"""Sampling of traces, content of spans, and their complete export."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from shared import telemetry
from shared.exporters import CollectorWatch, WatchedSpanExporter
from tests.telemetry.collector import run_collector

RESOURCE = Resource({"service.name": "test"})
REMOTE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"


@contextmanager
def provider(share: float = 1.0, exporter: SpanExporter | None = None) -> Iterator[TracerProvider]:
    """Return the provider of a service that samples `share` of new traces."""
    made = telemetry.tracer_provider(RESOURCE, share, exporter or InMemorySpanExporter())
    yield made
    made.shutdown()


@pytest.fixture
def finished(monkeypatch) -> Iterator[Callable[[], Sequence[ReadableSpan]]]:
    """Yield the list of ended spans."""
    exporter = InMemorySpanExporter()
    with provider(exporter=exporter) as made:
        monkeypatch.setattr(telemetry, "_tracer", made.get_tracer("test"))

        def read() -> Sequence[ReadableSpan]:
            made.force_flush()
            return exporter.get_finished_spans()

        yield read


class SlowExporter(SpanExporter):
    """An exporter that accepts no further batch until released."""

    def __init__(self) -> None:
        self.exported = 0
        self._released = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._released.wait(30)
        self.exported += len(spans)
        return SpanExportResult.SUCCESS

    def release(self) -> None:
        self._released.set()


@pytest.mark.parametrize("share", [0.0, 1.0])
@pytest.mark.parametrize(("flags", "recorded"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True)])
def test_a_service_records_a_trace_that_its_caller_records_and_no_other_of_a_caller(share: float, flags: str, recorded: bool):
    context = telemetry.context_of(f"{REMOTE}-{flags}")
    with provider(share) as made:
        span = made.get_tracer("test").start_span("x", context=context)
    assert (span.is_recording(), span.get_span_context().trace_flags.sampled) == (recorded, recorded)
    assert f"{span.get_span_context().trace_id:032x}" == REMOTE[3:35]


def test_the_setting_says_which_share_of_new_traces_is_recorded():
    shares = {}
    for share in (0.0, 0.5, 1.0):
        with provider(share) as made:
            tracer = made.get_tracer("test")
            shares[share] = sum(tracer.start_span("x", context=telemetry.context_of(None)).is_recording() for _ in range(2_000)) / 2_000
    assert (shares[0.0], shares[1.0]) == (0.0, 1.0)
    assert 0.4 < shares[0.5] < 0.6  # nine standard deviations


def test_a_trace_that_is_not_recorded_is_not_recorded_further_down_either():
    with provider(0.0) as made:
        tracer = made.get_tracer("test")
        parent = tracer.start_span("parent", context=telemetry.context_of(None))
        child = tracer.start_span("child", context=trace.set_span_in_context(parent))
    assert telemetry.is_sampled(telemetry.carried(child)) is False
    assert child.get_span_context().trace_id == parent.get_span_context().trace_id


def test_an_exceptions_text_is_in_no_span(finished):
    def fail() -> None:
        with telemetry.span("x"):
            raise ValueError("Ada Lovelace")

    with pytest.raises(ValueError, match="Ada"):
        fail()
    (span,) = finished()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "ValueError"
    assert "Ada" not in span.to_json()


def test_a_span_is_bounded_whatever_is_put_into_it(finished):
    with telemetry.span("x") as span:
        for number in range(1_000):
            span.set_attribute(f"a{number}", number)
            span.add_event("event")
    with telemetry.span("x", attributes={"long": "y" * 100_000}):
        pass
    many, long = finished()
    assert len(many.attributes or ()) == len(many.events) == 128
    assert len(str((long.attributes or {})["long"])) == 1_000


def test_a_receiver_gets_every_span():
    with run_collector() as (collector, endpoint):
        with provider(exporter=WatchedSpanExporter(endpoint, CollectorWatch(endpoint))) as made:
            tracer = made.get_tracer("test")
            for _ in range(1_200):
                tracer.start_span("GET /things").end()
        assert len({span.id for span in collector.spans}) == 1_200
        assert {span.name for span in collector.spans} == {"GET /things"}


def test_what_a_slow_collector_leaves_behind_is_bounded():
    slow = SlowExporter()
    with provider(exporter=slow) as made:
        tracer = made.get_tracer("test")
        for _ in range(20_000):
            tracer.start_span("x").end()
        slow.release()
    assert slow.exported <= 2_048 + 512  # the queued spans, and the batch in progress
