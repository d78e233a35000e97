"""A route with a plan answers as FastAPI's own handler would: in every service, and where a plan has something to get wrong."""

import copy
import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date
from enum import StrEnum
from importlib import import_module
from typing import Annotated, Any, Literal
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest
from fastapi import Cookie, Depends, FastAPI, Header, Query, Response
from fastapi.dependencies.models import Dependant
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute, request_response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Json, SecretStr, StringConstraints
from starlette.requests import Request
from starlette.routing import BaseRoute

from deploy.contracts.apps import default_settings, service_names
from shared.auth import Caller, TokenValidator, require
from shared.http import Problem, Router, made
from shared.http.parameters import Parameters
from shared.http.plan import Plan
from shared.http.router import Route
from tests.shared.thing import Settings
from tests.support.tokens import ISSUER

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
ODD = ["x", "-1", "1", "E09000012", "E8 1EA", "", "é" * 400]
"""Values for parameters; some fit some of them."""


def has_plan(route: BaseRoute) -> bool:
    return isinstance(route, Route) and Plan.of(route.dependant) is not None


def as_fastapi_would(route: BaseRoute) -> BaseRoute:
    """The same route without its plan."""
    if not isinstance(route, Route):
        return route
    twin = copy.copy(route)
    twin.app = request_response(route.get_route_handler())
    return twin


def client_of(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://test", headers={"traceparent": TRACEPARENT})


def told(reply: httpx.Response) -> tuple[object, ...]:
    """What it says, but for the second in which a cookie ends."""
    headers = [(name, re.sub(r"expires=[^;]*GMT", "expires=", value)) for name, value in reply.headers.multi_items()]
    return reply.status_code, sorted(headers), reply.content


async def assert_same(planned: httpx.AsyncClient, fastapi: httpx.AsyncClient, method: str, url: str, **options: Any) -> int:
    """Both answer alike, byte for byte; where FastAPI's handler itself answers differently each time, in status and names of headers."""
    first, again, ours = [await client.request(method, url, **options) for client in (fastapi, fastapi, planned)]
    if told(first) == told(again):
        assert told(ours) == told(first), f"{method} {url}"
    else:
        assert (ours.status_code, sorted(ours.headers)) == (first.status_code, sorted(first.headers)), f"{method} {url}"
    return ours.status_code


# -- every service ---------------------------------------------------------------------------------------------------------------------


def scopes(dependant: Dependant) -> set[str]:
    own = set(getattr(dependant.call, "_scopes", ()))
    return own.union(*(scopes(each) for each in dependant.dependencies))


def requests(route: Route) -> Iterator[str]:
    """Addresses of one route: without parameters, with each of them well and ill, with one too many."""
    paths = [re.sub(r"{[^}]*}", quote(value, safe="") or "x", route.path) for value in ("1", "E09000012", "é%/x")]
    yield from dict.fromkeys(paths)
    fields = [each for dependant in (route.dependant, *route.dependant.dependencies) for each in dependant.query_params]
    names = [name for each in fields for name in (getattr(each.field_info.annotation, "model_fields", None) or [each.alias])]
    yield f"{paths[0]}?unknown=1"
    for value in ODD if names else []:
        yield f"{paths[0]}?" + "&".join(f"{name}={quote(value)}" for name in names)
    for name in names:
        yield f"{paths[0]}?{name}=1&{name}=2"


@pytest.mark.parametrize("service_name", service_names())
async def test_every_planned_route_of_a_service_answers_as_fastapi_would(service_name: str, engines, tokens):
    package = f"services.{service_name}"
    settings = default_settings(import_module(f"{package}.settings").Settings)
    here = {"mongodb": SecretStr(engines.mongodb), "database": f"plans_{service_name}"}
    service = import_module(f"{package}.service").build(settings.model_copy(update={**here, "issuer": ISSUER, "jwks_url": tokens.jwks_url}))
    twin = import_module(f"{package}.service").build(settings.model_copy(update={**here, "issuer": ISSUER, "jwks_url": tokens.jwks_url}))
    twin.app.router.routes[:] = [as_fastapi_would(route) for route in twin.app.routes]
    twin.app.state.provided = service.app.state.provided
    routes = [route for route in service.app.routes if isinstance(route, Route) and has_plan(route)]
    assert routes or service_name == "portal", "some routes have plans"
    wanted = " ".join(sorted(set[str]().union(*(scopes(route.dependant) for route in routes))))
    bearer = tokens.bearer(wanted, audience=settings.audience, subject="somebody")
    statuses: set[int] = set()
    async with client_of(service.app) as planned, client_of(twin.app) as fastapi:
        for route in routes:
            for method in sorted(route.methods or ()):
                for number, url in enumerate(requests(route)):
                    statuses.add(await assert_same(planned, fastapi, method, url, headers=bearer))
                    if number % 4 == 0:
                        statuses.add(await assert_same(planned, fastapi, method, url))
                        statuses.add(await assert_same(planned, fastapi, method, url, headers={"Authorization": "Bearer x"}))
    await service.store.close()
    await twin.store.close()
    assert len(statuses) > 1 or service_name == "portal", statuses


# -- a zoo of routes -------------------------------------------------------------------------------------------------------------------

called: list[str] = []
router = Router(prefix="/zoo")


class Kind(StrEnum):
    """Of animals."""

    CAT = "cat"


class Animal(BaseModel):
    """What is shown."""

    name: str
    legs: int | None = None
    born: str = Field(default="unknown", alias="bornIn")


class Filter(BaseModel):
    """Parameters as a model."""

    model_config = ConfigDict(extra="forbid")

    legs: int = Field(4, ge=0, le=8)
    names: list[str] = []


async def keeper(request: Request) -> str:
    """Needed by two others."""
    called.append("keeper")
    if request.headers.get("keeper") == "asleep":
        raise Problem(409, "The keeper sleeps.", type="asleep", headers={"Retry-After": "1"})
    return "keeper"


async def fed(by: Annotated[str, Depends(keeper)]) -> str:
    """Needs the keeper."""
    called.append("fed")
    return f"fed by {by}"


async def watered(by: Annotated[str, Depends(keeper)], request: Request) -> str:
    """Needs the keeper too."""
    called.append("watered")
    return f"watered by {by} for {request.method}"


class Round:
    """Made out of both."""

    def __init__(self, food: Annotated[str, Depends(fed)], water: Annotated[str, Depends(watered)]) -> None:
        called.append("round")
        self.done = f"{food}, {water}"


Done = Annotated[Round, Depends(made(Round))]


async def opened() -> AsyncIterator[str]:
    """A dependency that is closed behind the request."""
    called.append("opened")
    yield "open"
    called.append("closed")


async def paged(page: int = 1) -> int:
    """A dependency with a parameter."""
    return page


@router.get("/round/{name}")
async def go_round(name: str, done: Done, again: Annotated[str, Depends(keeper)], legs: Annotated[int, Query(ge=0)] = 4) -> dict[str, str]:
    return {"name": name, "done": done.done, "again": again, "legs": str(legs)}


@router.get("/animals", status_code=203, response_model_exclude_none=True)
async def animals(chosen: Annotated[Filter, Query()]) -> list[Animal]:
    return [Animal(name=name, legs=chosen.legs or None, bornIn="here") for name in chosen.names]


@router.get("/told/{number}")
async def tell(
    number: int, since: Annotated[str, Cookie()], x_kind: Annotated[list[int], Header()], q: Annotated[bool | None, Query()] = None
) -> dict[str, Any]:
    return {"number": number, "since": since, "kind": x_kind, "q": q}


@router.get("/asked/{day}/{kind}")
async def ask(  # noqa: PLR0917
    day: date,
    kind: Kind,
    flag: bool,
    id_: Annotated[UUID, Query(alias="id")],
    size: Literal["s", "m"] = "m",
    data: Annotated[Json[list[int]] | None, Query()] = None,
    count: Annotated[int | None, Query(le=10, validation_alias="n")] = None,
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=5)] = "",
    double: Annotated[int, AfterValidator(lambda number: 2 * number)] = 1,
) -> dict[str, Any]:
    return {"day": day, "kind": kind, "flag": flag, "id": id_, "size": size, "data": data, "n": count, "text": text, "double": double}


@router.get("/asked-plainly/{day}/{kind}")
async def ask_plainly(  # noqa: PLR0917
    day: date,
    kind: Kind,
    flag: bool,
    id_: Annotated[UUID, Query(alias="id")],
    size: Literal["s", "m"] = "m",
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=5)] = "",
    double: Annotated[int | None, AfterValidator(lambda number: number and 2 * number)] = None,
) -> dict[str, Any]:
    return {"day": day, "kind": kind, "flag": flag, "id": id_, "size": size, "text": text, "double": double}


@router.get("/plain", response_class=JSONResponse)
async def plain() -> Any:
    return {"animal": Animal(name="cat")}


@router.get("/untyped")
async def untyped():
    return [Animal(name="cat"), None]


@router.get("/itself")
async def itself() -> Response:
    return Response(b"as it is", 418, {"X-Kind": "pot"}, media_type="text/plain")


@router.get("/wrong")
async def wrong() -> Animal:
    return {"legs": "many"}  # type: ignore[return-value]


@router.get("/broken")
async def broken() -> Animal:
    raise RuntimeError("Ada Lovelace")


@router.delete("/animals/{name}")
async def delete(name: str, by: Annotated[str, Depends(keeper)]) -> str:
    return f"{name} by {by}"


@router.get("/kept")
async def kept(caller: Annotated[Caller, require("thing:thing:make")], food: Annotated[str, Depends(fed)]) -> str:
    return f"{caller.borough} {food}"


PLANNED = {route.path for route in router.routes if isinstance(route, Route)}


@router.delete("/gone", status_code=204)
async def gone() -> None:
    return None


@router.get("/yielding")
async def yielding(state: Annotated[str, Depends(opened)]) -> str:
    return state


@router.get("/pages")
async def pages(page: Annotated[int, Depends(paged)]) -> int:
    return page


@router.get("/headers")
async def headers(response: Response) -> str:
    response.headers["X-Set"] = "yes"
    return "set"


@router.get("/threaded")
def threaded() -> str:
    return "in a thread"


@router.post("/born")
async def born(animal: Animal) -> Animal:
    return animal


ASKED: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/zoo/round/ape", {}),
    ("GET", "/zoo/round/ape?legs=-1", {}),
    ("GET", "/zoo/round/ape?legs=x", {"headers": {"keeper": "asleep"}}),
    ("GET", "/zoo/animals", {}),
    ("GET", "/zoo/animals?names=cat&names=dog&legs=0", {}),
    ("GET", "/zoo/animals?legs=9&colour=red", {}),
    ("GET", "/zoo/told/x", {}),
    ("GET", "/zoo/told/1?q=maybe", {"headers": {"x-kind": "a"}}),
    ("GET", "/zoo/told/1?q=yes", {"headers": [("x-kind", "1"), ("x-kind", "2"), ("cookie", "since=monday")]}),
    *(
        ("GET", f"/zoo/asked{how}/{path}?{query}", {})
        for how in ("", "-plainly")
        for path in ("2026-02-28/cat", "2026-02-30/dog", "%20/cat")
        for query in (
            "",
            "flag=1&id=00000000-0000-7000-8000-000000000000",
            "flag=&id=x&size=l&data=%5B1&n=11&text=abcdef&double=x",
            "flag=yes&id=00000000-0000-7000-8000-000000000000&size=s&data=%5B1%5D&n=10&text=%20abc%20&double=4",
            "flag=0&flag=x&id=1&id=2&id_=3&text=&n=&double=",
        )
    ),
    ("GET", "/zoo/plain", {}),
    ("GET", "/zoo/untyped", {}),
    ("GET", "/zoo/itself", {}),
    ("GET", "/zoo/wrong", {}),
    ("GET", "/zoo/broken", {}),
    ("DELETE", "/zoo/animals/cat", {}),
    ("DELETE", "/zoo/animals/cat", {"headers": {"keeper": "asleep"}}),
    ("POST", "/zoo/animals/cat", {}),
    ("GET", "/zoo/kept", {}),
    ("GET", "/zoo/nowhere", {}),
    ("DELETE", "/zoo/gone", {}),
    ("GET", "/zoo/yielding", {}),
    ("GET", "/zoo/pages?page=2", {}),
    ("GET", "/zoo/pages?page=x", {}),
    ("GET", "/zoo/headers", {}),
    ("GET", "/zoo/threaded", {}),
    ("POST", "/zoo/born", {"json": {"name": "cat"}}),
    ("POST", "/zoo/born", {"content": b"{"}),
]


@pytest.fixture
def zoo(tokens) -> Callable[[bool], FastAPI]:
    validator = TokenValidator(Settings(issuer=ISSUER, jwks_url=tokens.jwks_url, audience="urn:london-blocks:thing"))

    def build(planned: bool) -> FastAPI:
        app = FastAPI()
        app.state.provided = {TokenValidator: validator}
        app.router.routes.extend(router.routes if planned else map(as_fastapi_would, router.routes))
        return app

    return build


@pytest.mark.parametrize(("method", "url", "options"), ASKED)
async def test_the_zoo_answers_as_fastapi_would_and_calls_the_same_in_the_same_order(zoo, method, url, options):
    async with client_of(zoo(True)) as planned, client_of(zoo(False)) as fastapi:
        called.clear()
        theirs = await fastapi.request(method, url, **options)
        order = called.copy()
        called.clear()
        ours = await planned.request(method, url, **options)
        assert told(ours) == told(theirs)
        assert called == order


async def test_a_request_with_a_token_is_answered_alike(zoo, tokens):
    async with client_of(zoo(True)) as planned, client_of(zoo(False)) as fastapi:
        good, poor = tokens.bearer("thing:thing:make"), tokens.bearer("thing:thing:see")
        assert await assert_same(planned, fastapi, "GET", "/zoo/kept", headers=good) == 200
        assert await assert_same(planned, fastapi, "GET", "/zoo/kept", headers=poor) == 403


def test_only_what_a_plan_can_hold_has_one():
    assert {route.path for route in router.routes if has_plan(route) and isinstance(route, APIRoute)} - {"/zoo/gone"} == PLANNED


def test_parameters_of_one_plain_value_are_read_without_asking_what_they_are():
    fields = {route.path: route.dependant.query_params for route in router.routes if isinstance(route, APIRoute)}
    assert Parameters.of(fields["/zoo/asked-plainly/{day}/{kind}"]) is not None
    assert [path for path, each in fields.items() if each and Parameters.of(each) is None] == ["/zoo/animals", "/zoo/asked/{day}/{kind}"]


async def test_a_router_that_is_included_keeps_the_dependencies_it_is_included_with(zoo):
    app = FastAPI()
    app.include_router(router, dependencies=[Depends(keeper)])
    async with client_of(app) as client:
        assert (await client.get("/zoo/plain", headers={"keeper": "asleep"})).status_code == 409
        assert (await client.get("/zoo/plain")).status_code == 200
