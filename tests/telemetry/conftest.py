"""One platform that exports its telemetry here, one citizen's journey on it, and everything that the tests read afterwards."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from pymongo import MongoClient

from tests.deploy.platform import RunningBlocks, until
from tests.support.kafka import kafka_options

from . import observations
from .collector import run_collector
from .journey import Citizen, Journey
from .observations import Observed

DECOY = "Barnaby Decoyington-Planted"
"""A made-up person, planted in every place: a search that misses him there proves nothing."""
CONTROL = "control"


@dataclass(frozen=True)
class Travelled:
    """A completed journey, on a platform that has stopped."""

    citizen: Citizen
    move: str
    code: str
    """The code of the sign-in."""
    observed: Observed
    messages: tuple[dict[str, str], ...]
    """The citizen's messages."""


@pytest.fixture(scope="package")
def travelled(tmp_path_factory: pytest.TempPathFactory, platform_data: Callable[[], Path]) -> Iterator[Travelled]:
    """One citizen moves home on a whole platform; the platform stops first, so that every span is exported."""
    data, citizen = platform_data(), Citizen()
    with run_collector() as (collector, endpoint):
        observed = Observed(collector)
        directory = tmp_path_factory.mktemp("telemetry")
        with RunningBlocks(directory, "--data-dir", str(data), OTEL_EXPORTER_OTLP_ENDPOINT=endpoint) as running:
            ready = running.wait_until_ready()
            journey = Journey(ready, citizen)
            move = journey.complete()
            journey.send_refused_requests()
            messages = [*journey.captured(citizen.email), *journey.captured(citizen.international_phone)]
            until(lambda: observations.unsent(ready["mongodb"]) == 0)
            asyncio.run(_plant(ready, ready["mongodb"], endpoint, data / "logs"))
            observed.records = asyncio.run(observations.records(kafka_options(ready)))
            observed.rows = observations.rows(ready["mongodb"])
            code, _ = running.interrupt()
            assert code == 0, running.text
        observed.logs = [*observations.logs(data / "logs"), *(("screen", line) for line in running.text.splitlines())]
        yield Travelled(citizen, move, journey.code, observed, tuple(messages))


async def _plant(ready: dict[str, Any], mongodb: str, endpoint: str, logs: Path) -> None:
    """Plant the decoy in every kind of place, under names that no service uses."""
    admin = AIOKafkaAdminClient(**kafka_options(ready))
    await admin.start()
    await admin.create_topics([NewTopic(CONTROL, 1, 1)])
    await admin.close()
    producer = AIOKafkaProducer(**kafka_options(ready))
    await producer.start()
    await producer.send_and_wait(CONTROL, json.dumps({"by": DECOY}).encode(), key=DECOY.encode(), headers=[("by", DECOY.encode())])
    await producer.stop()
    with MongoClient[dict[str, Any]](mongodb) as client:
        client[CONTROL]["outbox"].insert_one({"value": DECOY.encode()})
    (logs / f"{CONTROL}.log").write_text(json.dumps({"message": DECOY}) + "\n")
    await asyncio.to_thread(_plant_spans, endpoint)


def _plant_spans(endpoint: str) -> None:
    provider = TracerProvider(resource=Resource({"service.name": CONTROL}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")))
    tracer = provider.get_tracer(CONTROL)
    tracer.start_span(f"span of {DECOY}").end()
    tracer.start_span("attribute", attributes={"by": DECOY}).end()
    event = tracer.start_span("event")
    event.add_event("planted", {"by": DECOY})
    event.end()
    failure = tracer.start_span("exception")
    failure.record_exception(ValueError(DECOY))
    failure.end()
    provider.shutdown()
