"""One journey is one trace, from the click to the last message, with the right parent for each span."""

from collections import Counter
from collections.abc import Mapping

import pytest

from .collector import Span
from .conftest import Travelled

CLICK = "move_home server POST /move/check"

AFTER_THE_CLICK: Mapping[str, set[tuple[str, str]]] = {
    "move_home": {
        ("the citizen's browser", "server POST /move/check"),
        # transaction, relay, Kafka, consumer
        ("move_home server POST /move/check", "producer create move_home.moves"),
        ("move_home producer create move_home.moves", "producer send move_home.moves"),
        ("move_home producer send move_home.moves", "consumer process move_home.moves"),
        # commands of the process
        ("move_home consumer process move_home.moves", "internal command Share"),
        ("move_home internal command Share", "client POST"),
        ("data_sharing producer send data_sharing.shares", "consumer process data_sharing.shares"),
        ("move_home consumer process data_sharing.shares", "internal command Send"),
        ("move_home internal command Send", "client POST"),
        ("notifications producer send notifications.notifications", "consumer process notifications.notifications"),
        # the end of the journey
        ("move_home consumer process notifications.notifications", "producer create move_home.moves"),
    },
    "identity": {
        ("move_home client POST", "server POST /token"),
        ("data_sharing client GET", "server GET /.well-known/jwks.json"),
    },
    "data_sharing": {
        ("move_home client POST", "server POST /v1/shares"),
        ("data_sharing server POST /v1/shares", "client GET"),
        ("data_sharing server POST /v1/shares", "producer create data_sharing.shares"),
        ("data_sharing producer create data_sharing.shares", "producer send data_sharing.shares"),
    },
    "notifications": {
        ("move_home client POST", "server POST /v2/notifications/email"),
        ("move_home client POST", "server POST /v2/notifications/sms"),
        ("notifications server POST /v2/notifications/email", "producer create notifications.notifications"),
        ("notifications server POST /v2/notifications/sms", "producer create notifications.notifications"),
        ("notifications producer create notifications.notifications", "producer send notifications.notifications"),
        ("notifications server POST /v2/notifications/email", "consumer deliver"),
        ("notifications server POST /v2/notifications/sms", "consumer deliver"),
        ("notifications consumer deliver", "client SMTP send"),
        ("notifications consumer deliver", "client POST"),
        ("notifications consumer deliver", "producer create notifications.notifications"),
    },
    "portal": {
        ("notifications client SMTP send", "server capture email"),
        ("notifications client POST", "server POST /capture/sms"),
    },
}
"""Every parent-child edge of the click's trace, by the child's service."""

BEFORE_THE_CLICK: Mapping[str, set[tuple[str, str]]] = {
    "identity server POST /sign-in": {
        ("identity server POST /sign-in", "identity internal identity send sign-in code"),
        ("identity internal identity send sign-in code", "identity client POST"),
        ("identity client POST", "notifications server POST /v2/notifications/email"),
        ("notifications consumer deliver", "notifications client SMTP send"),
        ("notifications client SMTP send", "portal server capture email"),
        ("notifications producer send notifications.notifications", "move_home consumer process notifications.notifications"),
    },
    "identity server POST /sign-in/code": {
        ("identity server POST /sign-in/code", "identity producer create identity.accounts"),
        ("identity producer create identity.accounts", "identity producer send identity.accounts"),
    },
    "move_home server GET /sign-in/callback": {("move_home client POST", "identity server POST /token")},
    "move_home server POST /move/{which}/postcode": {("move_home client GET", "addresses server GET /v1/addresses/search")},
    "move_home server GET /move/{which}/suggestions": {("move_home client GET", "addresses server GET /v1/addresses/search")},
    "move_home server GET /move/{which}/address": {("move_home client GET", "addresses server GET /v1/addresses/search")},
    "move_home server POST /move/{which}/by-hand": {("move_home client GET", "addresses server GET /v1/addresses/search")},
}
"""Some of the required edges of a trace, by its root."""


def edges(spans: list[Span]) -> set[tuple[Span | None, Span]]:
    """Return each span with its parent, None for a root."""
    by_id = {(span.trace_id, span.id): span for span in spans}
    return {(by_id.get((span.trace_id, span.parent_id)), span) for span in spans}


@pytest.fixture(scope="module")
def spans(travelled: Travelled) -> list[Span]:
    """The spans of all services."""
    return [span for span in travelled.observed.collector.spans if span.service in {*AFTER_THE_CLICK, "addresses"}]


@pytest.fixture(scope="module")
def click(spans: list[Span]) -> Span:
    """The span of the request that submits the move."""
    clicks = [span for span in spans if span.label == CLICK]
    assert len(clicks) == 1, clicks
    return clicks[0]


@pytest.fixture(scope="module")
def trace(spans: list[Span], click: Span) -> list[Span]:
    """The spans of that request's trace."""
    return [span for span in spans if span.trace_id == click.trace_id]


def test_whatever_was_exported_could_be_read(travelled: Travelled) -> None:
    assert travelled.observed.collector.refused == []


def test_the_click_is_the_root_and_every_service_that_takes_part_is_in_its_trace(trace: list[Span], click: Span) -> None:
    assert [span for span in trace if not span.parent_id] == [click]
    assert {span.service for span in trace} == set(AFTER_THE_CLICK)


SHARED_LAST = ("move_home consumer process data_sharing.shares", "internal command Send")
REFUSED_LAST = ("move_home internal command Share", "internal command Send")
"""The messages are children of the last council's outcome: the event of its share, or the refused command."""


@pytest.mark.parametrize("service", AFTER_THE_CLICK)
def test_the_spans_of_a_service_hang_where_they_belong(trace: list[Span], service: str) -> None:
    seen = {
        (parent.label if parent else "the citizen's browser", child.label.removeprefix(f"{service} "))
        for parent, child in edges(trace)
        if child.service == service
    }
    if REFUSED_LAST in seen:
        seen = seen - {REFUSED_LAST} | {SHARED_LAST}
    assert seen == AFTER_THE_CLICK[service]


def test_each_council_and_each_message_has_its_own_branch(trace: list[Span]) -> None:
    count = Counter(span.label for span in trace)
    assert count["move_home internal command Share"] == 3
    assert count["data_sharing server POST /v1/shares"] == 3
    assert count["move_home internal command Send"] == 2
    assert count["notifications client SMTP send"] == count["portal server capture email"] == count["portal server POST /capture/sms"] == 1


@pytest.mark.parametrize("root", BEFORE_THE_CLICK)
def test_a_page_before_the_click_is_a_trace_that_reaches_the_services_behind_it(spans: list[Span], root: str) -> None:
    traces = {span.trace_id for span in spans if span.label == root and not span.parent_id}
    assert traces
    seen = {(parent.label, child.label) for parent, child in edges([span for span in spans if span.trace_id in traces]) if parent}
    assert seen >= BEFORE_THE_CLICK[root]


def test_no_span_has_a_parent_that_nobody_sent(spans: list[Span]) -> None:
    orphans = [child for parent, child in edges(spans) if parent is None and child.parent_id]
    assert orphans == []


def test_a_call_is_answered_by_one_span(spans: list[Span]) -> None:
    answers = Counter((span.trace_id, span.parent_id) for span in spans if span.kind == "server" and span.parent_id)
    assert [call for call, count in answers.items() if count > 1] == []


def test_work_in_the_background_begins_no_trace_of_its_own(spans: list[Span]) -> None:
    background = [span for span in spans if not span.parent_id and span.kind not in {"server", "producer"}]
    assert background == []
    assert {span.label for span in spans if not span.parent_id and span.kind == "producer"} == {
        "addresses producer create addresses.releases",
        "data_sharing producer create data_sharing.agreements",
    }, "only what happens at a start has no request before it"


def test_the_health_checks_are_in_no_trace(spans: list[Span]) -> None:
    assert [span for span in spans if span.name.endswith(("/ready", "/live"))] == []


def test_what_the_citizen_was_sent_names_the_trace_of_the_click(travelled: Travelled, click: Span) -> None:
    about = [message for message in travelled.messages if travelled.move in message["body"]]
    assert [(message["channel"], message["trace_id"]) for message in about] == [("email", click.trace_id), ("sms", click.trace_id)]


def test_an_event_that_is_sent_names_its_message_partition_and_offset(trace: list[Span]) -> None:
    sent = [span for span in trace if " producer send " in span.label]
    assert sent
    for span in sent:
        assert {"messaging.message.id", "messaging.destination.partition.id", "messaging.kafka.offset"} <= span.attributes.keys()
    created = {span.attributes["messaging.message.id"] for span in trace if " producer create " in span.label}
    assert {span.attributes["messaging.message.id"] for span in sent} <= created
