"""FastAPI routers whose functions are one unit of work, with limits on bodies and errors in the surface's shape.

FastAPI's `max_body_size` does not serve here: it answers in plain text and leaves the rest of the body unread, so a reset of the
connection may reach the client before the 413.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar, cast

from fastapi import APIRouter, params
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from shared.http.admission import Admission, Held
from shared.http.errors import ErrorShape, HttpFailure, Problem, as_problem, failure_of
from shared.http.json_body import DEFAULT_MOST_VALUES, require_few_values
from shared.idempotency import HEADER, run_once
from shared.mongo import Conflict
from shared.retry import retry

T = TypeVar("T")
ATTEMPTS, FIRST_WAIT_SECONDS = 8, 0.012
"""How often a function runs in all, while other transactions change the same rows."""
DEFAULT_BODY_LIMIT = 1_000_000
"""Bytes."""
DRAINED_LIMITS = 4
"""The chassis reads and drops at most this many times the limit of a body that is too large."""
DRAIN_SECONDS = 2.0
"""The longest that it does so."""
_JSON = ("application/json", "+json")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@cache
def provided(type_: type[T]) -> Callable[[Request], Awaitable[T]]:
    """The dependency that gives the service's object of this type: `Depends(provided(Store))`.

    Each call gives the same function, so a test replaces it by `app.dependency_overrides[provided(Store)] = another`. It is a coroutine
    function because FastAPI runs every other dependency in a thread, for 200 microseconds.
    """

    async def get_provided(request: Request) -> T:
        return cast("T", request.app.state.provided[type_])

    return get_provided


class Route(APIRoute):
    """A FastAPI route that is one unit of work: it is retried on a conflict, and takes effect once for an `Idempotency-Key`."""

    shape: ErrorShape = staticmethod(as_problem)
    """Gives a failure the surface's shape."""
    body_limit = DEFAULT_BODY_LIMIT
    most_values = DEFAULT_MOST_VALUES
    streams = False
    """Whether the function reads the body part by part, and holds none of it."""
    failure: Callable[[Exception], HttpFailure] = staticmethod(failure_of)
    """Maps an exception to a failure. A surface whose domain has its own exceptions overrides it."""

    def get_route_handler(self) -> Handler:
        """Wraps FastAPI's handler into the unit of work. FastAPI calls it once for each router that includes the route."""
        return self._answering(super().get_route_handler())

    def _answering(self, handler: Handler) -> Handler:
        takes_json = self.body_field is not None and not isinstance(self.body_field.field_info, params.Form)

        async def run(request: Request) -> Response:
            once = HEADER in request.headers and request.method not in ("GET", "HEAD")
            return await retry_on_conflict(lambda: run_once(request, lambda: handler(request)) if once else handler(request))

        async def answer(request: Request) -> Response:
            try:
                if _may_have_body(request):
                    return await self._with_body(request, run, takes_json=takes_json)
                if takes_json:
                    _require_json(request)
                return await run(request)
            except Exception as error:  # noqa: BLE001 (the surface's shape answers every failure)
                return self.shape(request, self.failure(error))

        return answer

    async def _with_body(self, arrived: Request, run: Handler, *, takes_json: bool) -> Response:
        """Read the body within all limits, wait for the request's turn, and run the function."""
        admission = Admission.of(arrived)
        with admission.held() as held:
            receive = _limited(arrived.receive, self.body_limit, None if self.streams else held)
            request = Request(arrived.scope, receive)
            await _require_size(request, arrived.receive, self.body_limit)
            if takes_json:
                _require_json(request)
            if self.streams:
                return await run(request)
            raw = await request.body()
            if takes_json:
                require_few_values(raw, self.most_values)
            async with admission.turn(len(raw)):
                return await run(request)


async def retry_on_conflict(run: Callable[[], Awaitable[Response]]) -> Response:
    """Run a function again while it ends in `Conflict`, after random waits that double. Raises the last `Conflict`."""
    return await retry(run, on=Conflict, attempts=ATTEMPTS, first=FIRST_WAIT_SECONDS)


def _may_have_body(request: Request) -> bool:
    """Whether the head announces a body (RFC 9112, section 6.3). HTTP/2 may send one unannounced."""
    headers = request.headers
    return "content-length" in headers or "transfer-encoding" in headers or request.scope["http_version"] not in ("1.0", "1.1")


def _too_large(limit: int) -> Problem:
    return Problem(413, f"The body may have at most {limit} bytes.", type="body-too-large", field="body", headers={"Connection": "close"})


async def _require_size(request: Request, receive: Receive, limit: int) -> None:
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length) <= limit:
        return
    if "expect" not in request.headers:  # a client that expects 100 (Continue) has sent nothing yet
        await _drop(receive, limit)
    raise _too_large(limit)


async def _drop(receive: Receive, limit: int, taken: int = 0) -> None:
    """Read on and drop the bytes. Closing a connection with unread bytes resets it, and the client never sees the answer."""
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            more = True
            while more and taken < limit * DRAINED_LIMITS:
                message = await receive()
                taken += len(message.get("body", b""))
                more = message.get("more_body", False)


def _limited(receive: Receive, limit: int, held: Held | None) -> Receive:
    """Count the bytes of a body as they arrive, because a chunked body announces no length. Raises a 413 problem over the limit."""
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        size = len(message.get("body", b""))
        taken += size
        if held:
            held.add(size)
        if taken > limit:
            if message.get("more_body", False):
                await _drop(receive, limit, taken)
            raise _too_large(limit)
        return message

    return counted


def _require_json(request: Request) -> None:
    given = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if not given.endswith(_JSON):
        raise Problem(415, "Send the body as application/json.", type="unsupported-media-type", field="header.content-type")


class Router(APIRouter):
    """A FastAPI router of `Route`s. `options` are FastAPI's own.

    `errors` is the surface's error shape, `body_limit` is in bytes, and `most_values` limits the values of a JSON body. `streams` is for
    functions that read the body part by part.
    """

    def __init__(
        self,
        *,
        errors: ErrorShape = as_problem,
        body_limit: int = DEFAULT_BODY_LIMIT,
        most_values: int = DEFAULT_MOST_VALUES,
        streams: bool = False,
        **options: Any,
    ) -> None:
        own = {"shape": staticmethod(errors), "body_limit": body_limit, "most_values": most_values, "streams": streams}
        route_class = type("Route", (Route,), own)
        super().__init__(route_class=route_class, strict_content_type=False, **options)
        self.errors = errors
