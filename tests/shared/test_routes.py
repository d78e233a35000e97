"""A service's application is a FastAPI application: routers are included and dependencies overridden as FastAPI documents it."""

from collections.abc import AsyncIterator
from typing import Annotated

import pytest
import pytest_asyncio
from fastapi import Depends, Header
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shared import telemetry
from shared.auth import Caller, require
from shared.http import HttpFailure, Problem, Router, provided
from shared.mongo import Conflict
from tests.shared.thing import Maker, Settings, Store, Thing, ThingMade, build
from tests.support.service_runner import RunningService

SCOPE = "thing:thing:make"
conflicts: list[Conflict] = []
"""Conflicts left for the coming transactions."""


async def keeper(x_keeper: Annotated[str, Header()] = "awake") -> str:
    """A dependency of an included router."""
    if x_keeper == "asleep":
        raise Problem(409, "The keeper sleeps.", type="asleep")
    return x_keeper


def as_words(_: Request, failure: HttpFailure) -> Response:
    """The error format of another API."""
    return JSONResponse({"wrong": failure.detail}, failure.status)


later = Router(prefix="/things", tags=["later"], body_limit=1_000)
inner = Router(errors=as_words)


@later.post("/{name}/count")
async def count(name: str, caller: Maker, store: Annotated[Store, Depends(provided(Store))]) -> Thing:
    """Add one."""
    async with store.transaction() as tx:
        number = await tx.things.count_up(name)
        if conflicts:
            raise conflicts.pop()
        await tx.publish(ThingMade(thing=name, number=number))
    return Thing(name=name, number=number, borough=caller.borough)


@later.post("/names")
async def tell(words: list[str]) -> int:
    """Count words."""
    return len(words)


@inner.get("/{number}")
async def read(number: int) -> int:
    """Return the value."""
    if not number:
        raise Problem(404, "Nothing has no number.", type="not-found")
    return number


later.include_router(inner, prefix="/numbers")


@pytest.fixture
def exported(monkeypatch) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(telemetry, "_tracer", provider.get_tracer("test"))
    return exporter


@pytest_asyncio.fixture
async def thing(settings, serve, exported) -> AsyncIterator[RunningService]:
    """The thing service with a router included under a prefix."""
    service = build(settings(Settings))
    service.app.include_router(later, prefix="/later", dependencies=[Depends(keeper)])
    async with serve(service) as running:
        yield running


async def test_an_included_route_is_one_unit_of_work(thing, tokens):
    headers = tokens.bearer(SCOPE)
    await thing.http.post("/v1/things", json={"name": "chair"}, headers=headers)
    conflicts.extend(Conflict("another was first") for _ in range(3))
    replies = [await thing.http.post("/later/things/chair/count", headers={**headers, "Idempotency-Key": "one"}) for _ in range(2)]
    assert [(reply.status_code, reply.headers.get("idempotency-replayed")) for reply in replies] == [(200, None), (200, "true")]
    assert not conflicts
    assert [row["number"] for row in await thing.service.store.things.all()] == [1]


async def test_an_included_route_keeps_its_limits_its_shape_and_what_it_was_included_with(thing, tokens):
    asleep = await thing.http.get("/later/things/numbers/1", headers={"x-keeper": "asleep"})
    assert (asleep.status_code, asleep.json()) == (409, {"wrong": "The keeper sleeps."})
    assert (await thing.http.get("/later/things/numbers/1")).json() == 1
    assert (await thing.http.get("/later/things/numbers/0")).json() == {"wrong": "Nothing has no number."}
    assert (await thing.http.get("/later/things/numbers/x")).json()["wrong"].startswith("path.number: ")
    assert (await thing.http.post("/later/things/names", json=["a", "b"])).json() == 2
    too_large = await thing.http.post("/later/things/names", json=["a" * 1_000])
    assert (too_large.status_code, too_large.headers["content-type"]) == (413, "application/problem+json")
    assert (await thing.http.post("/later/things/names", content=b"[]", headers={"Content-Type": "text/plain"})).status_code == 415
    assert (await thing.http.get("/later/things/chair/count")).status_code == 405
    assert (await thing.http.post("/later/things/chair/count")).status_code == 401
    assert (await thing.http.get("/later/things/numbers/1/", follow_redirects=False)).headers["location"] == "/later/things/numbers/1"
    assert (await thing.http.head("/later/things/numbers/1")).status_code == 200


async def test_spans_and_the_document_name_an_included_route_with_its_prefix(thing, exported):
    await thing.http.get("/later/things/numbers/7")
    await thing.http.head("/later/things/numbers/7")
    await thing.http.put("/later/things/numbers/7")
    names = [span.name for span in exported.get_finished_spans() if span.kind is telemetry.SERVER]
    assert names == [f"{method} /later/things/numbers/{{number}}" for method in ("GET", "HEAD", "PUT")]
    document = (await thing.http.get("/openapi.json")).json()
    operation = document["paths"]["/later/things/{name}/count"]["post"]
    assert operation["security"] == [{"oauth2": [SCOPE]}]
    assert {"200", "400", "401", "403", "409"} <= set(operation["responses"])
    assert "404" in document["paths"]["/later/things/numbers/{number}"]["get"]["responses"]


async def test_a_dependency_is_overridden_as_fastapi_documents_it(thing, tokens):
    class Things:
        """Things without a database."""

        class Rows:
            async def all(self) -> list[dict[str, object]]:
                return [{"_id": "unicorn", "number": 1}]

        things = Rows()

    async def ada() -> Caller:
        return Caller("ada", "ada", "E09000012", frozenset(), {})

    overrides = thing.service.app.dependency_overrides
    overrides[provided(Store)] = Things
    overrides[require(SCOPE).dependency] = ada
    assert (await thing.http.get("/v1/things")).json() == [{"name": "unicorn", "number": 1, "borough": "E09000012"}]
    overrides.clear()
    assert (await thing.http.get("/v1/things")).status_code == 401
    assert (await thing.http.get("/v1/things", headers=tokens.bearer(SCOPE))).json() == []
