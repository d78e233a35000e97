"""AsyncAPI 3.0 documents and JSON schemas from the event models, and from what services consume."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import models_json_schema

from contracts.events import TYPE_PREFIX, Event, registry

from .apps import built
from .documents import Documents

CLOUDEVENTS = "https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
LANGUAGES = ("contracts", "examples")
"""The packages that declare published events."""


def schemas() -> Documents:
    """One JSON Schema an event, named by its type and version.

    A field with a default is not `required`: an event from before the field was added lacks it, and may be replayed.
    """
    return {
        f"schemas/{short_name(event)}.json": {"$schema": DIALECT, "$id": f"urn:{kind}", **event.model_json_schema(mode="serialization")}
        for kind, event in published()
    }


def published() -> list[tuple[str, type[Event]]]:
    """The events of the published language and of the example apps, in order of their types.

    What an app's process makes for itself alone (`Consumer.local`) is published nowhere, and in no document.
    """
    local = {event for service in built() for consumer in service.consumes for event in consumer.local}
    return sorted(
        (kind, event) for kind, event in registry.items() if event.__module__.partition(".")[0] in LANGUAGES and event not in local
    )


def consumed() -> dict[str, dict[str, list[type[Event]]]]:
    """What each service takes from Kafka: by the service's name, the topics with their events."""
    known = {event for _, event in published()}
    taken: dict[str, dict[str, list[type[Event]]]] = {}
    for service in built():
        for handler in (handler for consumer in service.consumes for handler in consumer.handlers.values()):
            if handler.event in known:
                taken.setdefault(service.name, defaultdict(list))[handler.event.topic].append(handler.event)
    return taken


def asyncapi() -> Documents:
    """One AsyncAPI document a block or app: what it sends and what it receives, with keys, CloudEvents headers and payloads."""
    sent: dict[str, dict[str, list[type[Event]]]] = defaultdict(lambda: defaultdict(list))
    for _, event in published():
        sent[event.topic.partition(".")[0]][event.topic].append(event)
    received = consumed()
    consumers: dict[str, list[str]] = defaultdict(list)
    for name, topics in sorted(received.items()):
        for topic in topics:
            consumers[topic].append(name)
    return {
        f"asyncapi/{block}.json": _document(block, sent.get(block, {}), received.get(block, {}), consumers)
        for block in sorted(sent.keys() | received.keys())
    }


def short_name(event: type[Event]) -> str:
    """The type without the platform's prefix: `data_sharing.share.delivered.v1`."""
    return event.event_type.removeprefix(TYPE_PREFIX)


Topics = Mapping[str, list[type[Event]]]


def _document(block: str, sent: Topics, received: Topics, consumers: Mapping[str, list[str]]) -> dict[str, Any]:
    title = block.replace("_", " ").capitalize()
    topics = {topic: list(dict.fromkeys([*sent.get(topic, ()), *received.get(topic, ())])) for topic in sorted({*sent, *received})}
    events = [event for of_topic in topics.values() for event in of_topic]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"{title}: events",
            "version": "1.0.0",
            "description": (
                f"What {title.lower()} sends and receives over Kafka. Delivery is at least once and in order per key; "
                "a repeated event carries the same `ce_id`. Payloads hold ids and facts, never personal data."
            ),
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic, of_topic, consumers.get(topic, [])) for topic, of_topic in topics.items()},
        "operations": {
            **{f"publish {topic}": _operation("send", topic, of_topic) for topic, of_topic in sorted(sent.items())},
            **{f"consume {topic}": _operation("receive", topic, of_topic) for topic, of_topic in sorted(received.items())},
        },
        "components": {
            "messages": {short_name(event): _message(event) for event in events},
            "schemas": {"CloudEventsHeaders": HEADERS, **_payloads(events)},
        },
    }


def _operation(action: str, topic: str, events: list[type[Event]]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic}"},
        "messages": [{"$ref": f"#/channels/{topic}/messages/{short_name(event)}"} for event in events],
    }


def _channel(topic: str, events: list[type[Event]], consumers: list[str]) -> dict[str, Any]:
    readers = f"Consumed by {', '.join(consumers)}." if consumers else "No service of the platform consumes it."
    return {
        "address": topic,
        "description": f"Keyed by {_keys(events)}; one key's events stay in order. {readers}",
        "messages": {short_name(event): {"$ref": f"#/components/messages/{short_name(event)}"} for event in events},
        "bindings": {"kafka": {"topic": topic, "bindingVersion": "0.5.0"}},
    }


def _payloads(events: list[type[Event]]) -> dict[str, Any]:
    """The payload schemas once more, so that the document stands alone in a viewer."""
    _, schemas = models_json_schema([(event, "serialization") for event in events], ref_template="#/components/schemas/{model}")
    found: dict[str, Any] = schemas["$defs"]
    return found


def _keys(events: list[type[Event]]) -> str:
    return " or ".join(sorted({f"`{event.key_field}`" for event in events}))


def _message(event: type[Event]) -> dict[str, Any]:
    return {
        "name": event.event_type,
        "title": event.__name__,
        "summary": (event.__doc__ or "").strip(),
        "contentType": "application/json",
        "headers": {
            "allOf": [{"$ref": "#/components/schemas/CloudEventsHeaders"}, {"properties": {"ce_type": {"const": event.event_type}}}],
        },
        "correlationId": {"description": "The event that began the chain.", "location": "$message.header#/ce_correlationid"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": f"The payload's `{event.key_field}`: a pseudonymous id."},
                "bindingVersion": "0.5.0",
            }
        },
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"#/components/schemas/{event.__name__}"},
        },
    }


HEADERS: dict[str, Any] = {
    "type": "object",
    "description": f"CloudEvents 1.0 in Kafka's binary mode ({CLOUDEVENTS}): one header an attribute, in UTF-8.",
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "content-type"],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid", "description": "uuid7; the same whenever the event is delivered again."},
        "ce_type": {"type": "string"},
        "ce_source": {"type": "string", "format": "uri-reference", "description": "The service that published it."},
        "ce_time": {"type": "string", "format": "date-time", "description": "When it happened, UTC."},
        "content-type": {"const": "application/json"},
        "ce_borough": {"type": "string", "pattern": "^E09[0-9]{6}$", "description": "GSS code of the borough that it concerns."},
        "ce_correlationid": {"type": "string", "description": "The id of the event that began the chain."},
        "ce_causationid": {"type": "string", "description": "The id of the event whose handling published this one."},
        "ce_sequence": {
            "type": "string",
            "pattern": "^[0-9]{20}$",
            "description": "The aggregate's version after this change; absent where the aggregate has one event only.",
        },
        "traceparent": {"type": "string", "description": "W3C Trace Context: the trace that this event belongs to."},
    },
}
