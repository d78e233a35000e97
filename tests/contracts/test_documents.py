"""The generated documents agree with the code, are valid, and equal the committed ones."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from contracts.events import registry
from contracts.events.data_sharing import ShareDelivered
from deploy.contracts import documents, events, http
from deploy.contracts.apps import build_services
from shared import clock
from shared.events import Envelope, new_id

CONTRACTS = Path(__file__).parents[2] / "contracts"
ASYNCAPI = events.asyncapi()


def test_the_committed_contracts_are_what_the_code_says():
    assert documents.drift(events.schemas() | events.asyncapi() | http.openapi(), CONTRACTS) == []


def test_a_difference_and_a_stray_file_are_drift(tmp_path):
    given = {"schemas/a.json": {"type": "string"}, "asyncapi/b.json": {"asyncapi": "3.0.0"}}
    assert documents.write(given, tmp_path) == ["asyncapi/b.json", "schemas/a.json"]
    assert documents.drift(given, tmp_path) == []
    (tmp_path / "schemas/a.json").write_text('{"type": "integer"}\n')
    (tmp_path / "schemas/stray.json").write_text("{}\n")
    changed, stray = documents.drift(given, tmp_path)
    assert '+  "type": "string"' in changed
    assert "committed schemas/stray.json" in stray
    assert documents.write(given, tmp_path) == ["schemas/a.json", "schemas/stray.json"]
    assert documents.drift(given, tmp_path) == []


def test_an_apps_published_events_are_documented_and_those_that_it_keeps_to_itself_are_not():
    document = ASYNCAPI["asyncapi/move_home.json"]
    assert "move_home.move.submitted.v1" in document["channels"]["move_home.moves"]["messages"]
    assert "schemas/move_home.move.submitted.v1.json" in events.schemas()
    assert "council" not in str(document["channels"]), "the outcome of a command moves the process and is published nowhere"


def test_every_topic_that_a_service_writes_or_reads_is_in_its_document():
    for service in build_services():
        operations = ASYNCAPI.get(f"asyncapi/{service.name}.json", {"operations": {}})["operations"]
        received = {name.removeprefix("consume ") for name, operation in operations.items() if operation["action"] == "receive"}
        local = {event for router in service.events for event in router.local}
        taken = {handler.event.topic for router in service.events for handler in router.handlers.values() if handler.event not in local}
        assert received == taken
    sent = {
        name.removeprefix("publish ")
        for document in ASYNCAPI.values()
        for name, operation in document["operations"].items()
        if operation["action"] == "send"
    }
    assert sent == {event.topic for _, event in events.published()}


def test_every_event_of_the_published_language_is_published_by_one_service():
    declared = [kind for kind, _ in events.published()]
    local = {event for service in build_services() for router in service.events for event in router.local}
    known = {
        kind
        for kind, event in registry.items()
        if event.__module__.partition(".")[0] in {"contracts", "services", "examples"} and event not in local
    }
    assert len(declared) == len(set(declared))
    assert set(declared) == known


def test_a_document_is_the_same_each_time_it_is_made():
    assert [list(document["operations"]) for document in events.asyncapi().values()] == [
        list(document["operations"]) for document in ASYNCAPI.values()
    ]


def test_a_publishers_document_says_who_consumes_a_topic():
    assert "Consumed by move_home." in ASYNCAPI["asyncapi/data_sharing.json"]["channels"]["data_sharing.shares"]["description"]
    consumes = ASYNCAPI["asyncapi/move_home.json"]["operations"]["consume data_sharing.shares"]
    assert consumes["messages"] == [{"$ref": "#/channels/data_sharing.shares/messages/data_sharing.share.delivered.v1"}]


def test_every_event_is_in_one_channel_of_its_block_with_its_key():
    for kind, event in events.published():
        document = ASYNCAPI[f"asyncapi/{event.topic.partition('.')[0]}.json"]
        name = events.short_name(event)
        assert name in document["channels"][event.topic]["messages"]
        message = document["components"]["messages"][name]
        assert message["name"] == kind
        assert event.key_field in message["bindings"]["kafka"]["key"]["description"]


@pytest.mark.parametrize("path", sorted(ASYNCAPI))
def test_every_reference_leads_somewhere(path):
    for reference in references(ASYNCAPI[path]):
        file, _, pointer = reference.partition("#")
        if file:
            assert (CONTRACTS / "asyncapi" / file).resolve().is_file(), reference
            continue
        found = ASYNCAPI[path]
        for part in pointer.removeprefix("/").split("/"):
            assert part in found, reference
            found = found[part]


@pytest.mark.parametrize("path", sorted(events.schemas()))
def test_every_schema_is_valid_and_describes_its_event(path):
    schema = events.schemas()[path]
    Draft202012Validator.check_schema(schema)
    assert schema["description"]


def test_what_a_service_publishes_satisfies_the_documents():
    event = ShareDelivered(share=new_id(), agreement="a", purpose="council-tax", recipient="E09000007", delivered_at=clock.now())
    Draft202012Validator(events.schemas()["schemas/data_sharing.share.delivered.v1.json"]).validate(json.loads(event.model_dump_json()))
    envelope = Envelope(id=new_id(), type=event.event_type, source="/data_sharing", time=clock.now(), borough="E09000007", sequence=3)
    headers = {name: value.decode() for name, value in envelope.headers()}
    Draft202012Validator(events.HEADERS).validate(headers)
    assert set(headers) <= set(events.HEADERS["properties"])
    del headers["ce_id"]
    assert not Draft202012Validator(events.HEADERS).is_valid(headers)


def references(node):
    if isinstance(node, dict):
        yield from [node["$ref"]] if "$ref" in node else []
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)
