"""The span of a redelivered event, which at-least-once delivery allows at any time."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared import clock, telemetry
from shared.bus.delivery import Delivery, Repeated, deliver
from shared.events import Envelope, new_id
from tests.shared.thing import Settings, Store, ThingMade, recording


async def test_an_event_that_comes_again_is_marked_as_repeated_and_not_as_failed(settings, monkeypatch):
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("test"))
    event = ThingMade(thing="again", number=1)
    headers = Envelope(id=new_id(), type=event.event_type, source="urn:test", time=clock.now()).headers()
    delivery = Delivery.read(event.topic, event.key.encode(), event.model_dump_json().encode(), headers)
    store, consumer = Store(settings(Settings)), recording()
    await store.start()
    try:
        await deliver(store, consumer, delivery)
        with pytest.raises(Repeated):
            await deliver(store, consumer, delivery)
        assert await store.effects.of("again") == [1]
    finally:
        await store.close()

    first, second = (span for span in exporter.get_finished_spans() if span.name == "process thing.things")
    assert (first.status.is_ok, second.status.is_ok) == (True, True)
    assert "blocks.repeated" not in (first.attributes or {})
    assert (second.attributes or {})["blocks.repeated"] is True
    assert "error.type" not in (second.attributes or {})
