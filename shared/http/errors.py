"""Errors on the wire: problem details (RFC 9457) on our own surfaces, the original's shape on compatible ones."""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from shared import telemetry
from shared.http.problems import PATH
from shared.mongo import Conflict, DatabaseError, TooLarge, Unavailable

log = logging.getLogger(__name__)
RETRY_AFTER_SECONDS = "2"
MOST_ERRORS = 50
_LONGEST_FIELD = 200
_LONGEST_MESSAGE = 300


class Problem(Exception):  # noqa: N818 (the field's name for it, RFC 9457)
    """Answers the request with a status and an explanation. `type` is a name in `CATALOGUE`; `field` names the input at fault."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        type: str | None = None,  # noqa: A002
        title: str | None = None,
        field: str | None = None,
        headers: dict[str, str] | None = None,
        **extensions: Any,
    ) -> None:
        super().__init__(detail)
        self.failure = HttpFailure(
            status=status,
            detail=detail,
            type=type,
            title=title,
            errors=[{"field": field, "message": detail}] if field else [],
            headers=headers or {},
            extensions=extensions,
        )


@dataclass(frozen=True)
class HttpFailure:
    """A failed request, before a surface gives it a shape."""

    status: int
    detail: str
    type: str | None = None
    title: str | None = None
    errors: Sequence[dict[str, Any]] = ()
    """The inputs at fault, each `{"field": "body.name", "message": "...", "kind": pydantic's error type}`."""
    headers: dict[str, str] = field(default_factory=dict)
    extensions: dict[str, Any] = field(default_factory=dict)
    cause: Exception | None = None
    """The original exception, for shapes that need more of it."""


ErrorShape = Callable[[Request, HttpFailure], Response]


def as_problem(request: Request, failure: HttpFailure) -> Response:
    """The failure as `application/problem+json` (RFC 9457). `shared.http.reference` serves a page at the type's URI."""
    body: dict[str, Any] = {
        "type": getattr(request.app.state, "problem_types", f"{PATH}/") + failure.type if failure.type else "about:blank",
        "title": failure.title or HTTPStatus(failure.status).phrase,
        "status": failure.status,
        "detail": failure.detail,
    }
    if failure.errors:
        body["errors"] = list(failure.errors)
    body.update(failure.extensions)
    if (trace := telemetry.trace_id()) is not None:
        body["trace_id"] = trace
    content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    return Response(content, failure.status, media_type="application/problem+json", headers=failure.headers)


def failure_of(error: Exception) -> HttpFailure:
    """The failure behind an exception. It logs an unforeseen one by type and place, and tells the client nothing of it."""
    for raised in (error.__cause__, error):  # FastAPI wraps an exception that it meets while it reads a body
        if isinstance(raised, Problem):
            return raised.failure
        if isinstance(raised, ClientDisconnect):
            return HttpFailure(400, "The request ended before its body was complete.", type="incomplete", cause=raised)
    if isinstance(error, RequestValidationError):
        return _validation(error)
    if isinstance(error, HTTPException):
        return HttpFailure(error.status_code, str(error.detail), headers=dict(error.headers or {}), cause=error)
    if isinstance(error, DatabaseError) and (known := _from_database(error)):
        return known
    log.error("unhandled error in a request", exc_info=error)
    return HttpFailure(500, "Something went wrong here. It has been recorded.", cause=error)


def _from_database(error: DatabaseError) -> HttpFailure | None:
    headers = {"Retry-After": RETRY_AFTER_SECONDS}
    if isinstance(error, TooLarge):
        return HttpFailure(413, "That is more than can be stored at once.", type="body-too-large", cause=error)
    if isinstance(error, Unavailable):
        return HttpFailure(503, "The service cannot reach its database. Try again.", type="unavailable", headers=headers, cause=error)
    if not isinstance(error, Conflict):
        return None
    detail = "The same thing is being changed by others at this moment. Try again."
    return HttpFailure(409, detail, type="conflict", headers=headers, cause=error)


def _validation(error: RequestValidationError) -> HttpFailure:
    errors = list(islice(_wrong_fields(error), MOST_ERRORS))
    if any(item["kind"] == "json_invalid" for item in errors):
        detail = "The body is not valid JSON."
    else:
        detail = "; ".join(f"{item['field']}: {item['message']}" for item in errors[:3])
    return HttpFailure(400, detail, type="invalid-input", title="Invalid input", errors=errors, cause=error)


def _wrong_fields(error: RequestValidationError) -> Iterator[dict[str, Any]]:
    for item in error.errors():
        place = ".".join(str(part) for part in item["loc"])[:_LONGEST_FIELD]
        yield {"field": place, "message": str(item["msg"])[:_LONGEST_MESSAGE], "kind": item["type"]}
