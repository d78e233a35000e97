"""AsyncAPI 3.0 documents from the event routers of services and apps, and JSON schemas from the event models.

FastStream makes a document from a service's routers: channels, what is sent and received, payload schemas. `_completed` adds what
FastStream has no option for: one message an event with its CloudEvents headers and its key, and one channel for a topic.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from faststream.specification import AsyncAPI

from contracts.events import TYPE_PREFIX, Event, platform
from shared.bus import EventRouter
from shared.bus.router import event_broker

from .apps import build_services
from .documents import Documents

CLOUDEVENTS = "https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

Topics = dict[str, list[type[Event]]]
"""Events by their topic."""

PLATFORM = EventRouter("platform")
"""What the chassis publishes in any service that consumes or publishes."""
PLATFORM.publishes(platform.MessageDeadLettered, platform.MessageUnsent)


def schemas() -> Documents:
    """One JSON Schema an event, named by its type and version.

    A field with a default is not `required`: an event from before the field was added lacks it, and may be replayed.
    """
    return {
        f"schemas/{short_name(event)}.json": {"$schema": DIALECT, "$id": f"urn:{kind}", **event.model_json_schema(mode="serialization")}
        for kind, event in published()
    }


def published() -> list[tuple[str, type[Event]]]:
    """The events that services, apps and the chassis declare as published, in order of their types."""
    return sorted((event.event_type, event) for routers in documented().values() for router in routers for event in router.published)


def documented() -> dict[str, list[EventRouter]]:
    """The routers of each document, by the name of its service or app."""
    return {service.name: service.events for service in build_services() if service.events} | {"platform": [PLATFORM]}


def sent(routers: list[EventRouter]) -> Topics:
    """What these routers publish."""
    topics: Topics = defaultdict(list)
    for event in sorted((event for router in routers for event in router.published), key=short_name):
        topics[event.topic].append(event)
    return topics


def received(routers: list[EventRouter]) -> Topics:
    """What these routers consume from Kafka, without the outcomes that a process makes for itself alone (`EventRouter.local`)."""
    topics: Topics = defaultdict(list)
    taken = (handler.event for router in routers for handler in router.handlers.values() if handler.event not in router.local)
    for event in sorted(taken, key=short_name):
        topics[event.topic].append(event)
    return topics


def asyncapi() -> Documents:
    """One AsyncAPI document a service or app: what it sends and what it receives, with keys, CloudEvents headers and payloads."""
    consumers: dict[str, list[str]] = defaultdict(list)
    for name, routers in sorted(documented().items()):
        for topic in received(routers):
            consumers[topic].append(name)
    return {f"asyncapi/{name}.json": _document(name, routers, consumers) for name, routers in sorted(documented().items())}


def short_name(event: type[Event]) -> str:
    """The type without the platform's prefix: `data_sharing.share.delivered.v1`."""
    return event.event_type.removeprefix(TYPE_PREFIX)


def _document(name: str, routers: list[EventRouter], consumers: dict[str, list[str]]) -> dict[str, Any]:
    title = name.replace("_", " ").capitalize()
    made = AsyncAPI(
        event_broker(*routers),
        title=f"{title}: events",
        version="1.0.0",
        description=(
            f"What {title.lower()} sends and receives over Kafka. Delivery is at least once and in order per key; "
            "a repeated event carries the same `ce_id`. Payloads hold ids and facts, never personal data."
        ),
        license={"name": "MIT"},
        schema_version="3.0.0",
    )
    return _completed(json.loads(made.to_specification().to_json()), sent(routers), received(routers), consumers)


def _completed(made: dict[str, Any], sends: Topics, receives: Topics, consumers: dict[str, list[str]]) -> dict[str, Any]:
    """FastStream's document with a message for each event and a channel for each topic, and without its server, which differs by place."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for name, operation in sorted(made["operations"].items(), key=lambda item: (item[1]["action"] != "send", item[0])):
        channel = made["channels"][name]
        topic = channel["address"]
        events = (sends if operation["action"] == "send" else receives).get(topic, [])
        if not events:
            continue
        messages |= {short_name(event): _message(event) for event in events}
        refs = channels.setdefault(topic, {**channel, "messages": {}})["messages"]
        refs |= {short_name(event): {"$ref": f"#/components/messages/{short_name(event)}"} for event in events}
        operations[name] = operation | {
            "channel": {"$ref": f"#/channels/{topic}"},
            "messages": [{"$ref": f"#/channels/{topic}/messages/{short_name(event)}"} for event in events],
        }
    for topic, channel in channels.items():
        del channel["servers"]
        channel["messages"] = dict(sorted(channel["messages"].items()))
        channel["description"] = _description({*sends.get(topic, ()), *receives.get(topic, ())}, consumers.get(topic, []))
    schemas = made["components"]["schemas"]
    used = set(_used(messages, schemas))
    return {
        **{key: made[key] for key in ("asyncapi", "info", "defaultContentType")},
        "channels": dict(sorted(channels.items())),
        "operations": operations,
        "components": {
            "messages": dict(sorted(messages.items())),
            "schemas": {"CloudEventsHeaders": HEADERS} | {name: schema for name, schema in sorted(schemas.items()) if name in used},
        },
    }


def _used(node: Any, schemas: dict[str, Any]) -> Iterator[str]:
    """The names of the schemas that a part of the document refers to, and of those that they refer to."""
    if isinstance(node, list):
        node = dict(enumerate(node))
    for key, value in node.items() if isinstance(node, dict) else ():
        if key == "$ref" and (name := str(value).rpartition("/")[2]) in schemas:
            yield name
            yield from _used(schemas[name], schemas)
        yield from _used(value, schemas)


def _description(events: set[type[Event]], consumers: list[str]) -> str:
    keys = " or ".join(sorted({f"`{event.key_field}`" for event in events}))
    readers = f"Consumed by {', '.join(consumers)}." if consumers else "No service of the platform consumes it."
    return f"Keyed by {keys}; one key's events stay in order. {readers}"


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
