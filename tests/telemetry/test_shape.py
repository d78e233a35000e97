"""Attributes, buckets and service version of the telemetry, and short logs without a collector."""

import logging
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.addresses.gazetteer.serving.live import LiveRelease
from services.addresses.workers.follow_release import Following
from shared import telemetry
from shared.exporters import CollectorWatch, WatchedSpanExporter
from shared.version import VERSION
from tests.shared.test_process import Painter, process
from tests.shared.test_process import build as build_process
from tests.shared.thing import Settings, Store, ThingMade, build
from tests.support.service_runner import free_port
from tests.telemetry.collector import run_collector

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


@pytest.fixture
def exported(monkeypatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("test"))
    return exporter


@contextmanager
def metered(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemoryMetricReader]:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    monkeypatch.setattr(telemetry, "_meter", provider.get_meter("test"))
    yield reader
    provider.shutdown()


def read(reader: InMemoryMetricReader) -> dict[str, list[Any]]:
    data = reader.get_metrics_data()
    found = [metric for resource in data.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics] if data else []
    return {metric.name: list(metric.data.data_points) for metric in found}


async def test_a_server_span_says_the_template_of_its_path_and_never_the_path(settings, serve, tokens, exported):
    async with serve(build(settings(Settings))) as running:
        await running.http.post("/v1/things/Ada%20Lovelace/count", headers=tokens.bearer("thing:thing:make"))
        await running.http.get("/Ada/Lovelace")
        await running.http.request("PROPFIND", "/v1/things")
    by_name = {span.name: dict(span.attributes or {}) for span in exported.get_finished_spans()}
    count = by_name["POST /v1/things/{name}/count"]
    assert (count["url.path"], count["http.route"], count["url.scheme"]) == ("/v1/things/{name}/count",) * 2 + ("http",)
    assert "http.route" not in by_name["GET"]
    assert "Ada" not in str([span.to_json() for span in exported.get_finished_spans()])
    assert by_name["_OTHER /v1/things"]["http.request.method"] == "_OTHER", "a client cannot add names to the metrics"


async def test_histograms_of_seconds_have_the_conventions_boundaries(monkeypatch):
    with metered(monkeypatch) as reader:
        telemetry.seconds_histogram("some.duration", "Some.").record(0.03)
        (point,) = read(reader)["some.duration"]
    assert tuple(point.explicit_bounds) == SECONDS
    assert point.bucket_counts[3] == 1
    for histogram in (telemetry.http_duration, telemetry.process_duration):
        assert tuple(vars(histogram)["_explicit_bucket_boundaries_advisory"]) == SECONDS


async def test_the_gauges_of_addresses_are_there_with_and_without_a_store_of_releases(monkeypatch, tmp_path):
    with metered(monkeypatch) as reader:
        Following(LiveRelease(tmp_path, 1), None, 1.0)
        gauges = read(reader)
    assert {name: [point.value for point in points] for name, points in gauges.items()} == {
        "addresses.release_store.failing": [0.0],
        "addresses.release_store.switch": [0],
    }


async def test_a_command_that_heals_is_no_error(settings, serve, eventually, exported):
    making, painter = process(), Painter(failures=1)
    async with serve(build_process(settings(Settings), making, painter)) as running:
        store: Store = running.service.store
        async with store.transaction() as tx:
            await tx.publish(ThingMade(thing="chair"))

        async def ended() -> bool:
            row = await store.collection("processes").find_one({})
            return bool(row and row["ended"])

        await eventually(ended)
    commands = [span for span in exported.get_finished_spans() if span.name == "command Paint"]
    assert len(commands) == 3
    assert all(span.status.is_unset for span in commands)
    assert [(span.attributes or {}).get("blocks.retried") for span in commands].count("ConnectionError") == 1


def test_the_version_that_services_report_is_the_projects():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == VERSION


async def test_a_collector_that_is_away_is_one_line_and_its_return_another(caplog, eventually):
    caplog.set_level(logging.WARNING)
    port = free_port()
    watch = CollectorWatch(f"http://127.0.0.1:{port}")
    exporter = WatchedSpanExporter(f"http://127.0.0.1:{port}", watch)
    provider = TracerProvider(resource=Resource({"service.name": "test"}))
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=50))
    tracer = provider.get_tracer("test")

    def lines() -> list[str]:
        tracer.start_span("x").end()
        return [record.getMessage() for record in caplog.records if "opentelemetry" in record.name or record.name == "shared.exporters"]

    await eventually(lambda: "cannot be reached" in " ".join(lines()), seconds=40)
    with run_collector(port) as (collector, _):
        await eventually(lambda: lines() and collector.spans, seconds=40)
        await eventually(lambda: "again" in lines()[-1], seconds=10)
        provider.shutdown()
    assert len(lines()) == 2
    assert all(record.exc_info is None for record in caplog.records)
