"""The common parts of this API's routes: error shape, router, authenticated caller."""

import json
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.notifications.domain.refusals import Refusal
from services.notifications.domain.senders import ApiKey, Authenticated, Service
from services.notifications.domain.tokens import RequestToken, bearer_token
from services.notifications.settings import Settings
from services.notifications.store import Store
from services.notifications.vault import Vault
from shared import security
from shared.clock import now
from shared.http import HttpFailure, Router, provided
from shared.http.errors import failure_of
from shared.http.json_body import DEFAULT_MOST_VALUES, require_few_values
from shared.http.openapi import SurfaceDocument, documented_as
from shared.http.router import Route
from shared.limits import COLLECTION, Quota

BODY_LIMIT = 5_000_000
"""Bytes of a body. An email may have 2,000,000 bytes of text, and JSON escapes lengthen it."""
Db = Annotated[Store, Depends(provided(Store))]
Config = Annotated[Settings, Depends(provided(Settings))]
Sealing = Annotated[Vault, Depends(provided(Vault))]
_NAMES = {
    404: "NoResultFound",
    409: "ConflictError",
    413: "BadRequestError",
    422: "BadRequestError",
    429: "RateLimitError",
    503: "ServiceUnavailable",
}


NOTIFY = SurfaceDocument(
    "NotifyError",
    {
        "type": "object",
        "title": "NotifyError",
        "description": "GOV.UK Notify's errors: a class for programs and a sentence for people, each.",
        "required": ["status_code", "errors"],
        "properties": {
            "status_code": {"type": "integer"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["error", "message"],
                    "properties": {"error": {"type": "string"}, "message": {"type": "string"}},
                },
            },
        },
    },
    description=(
        "GOV.UK Notify's v2 API: its clients work when they are given this service's URL and key. Errors have Notify's shape. "
        "As at Notify, messages to the smoke-test recipients 07700 900000, 07700 900111, 07700 900222 and "
        "simulate-delivered@notifications.service.gov.uk (also -2, -3) are accepted, sent to nobody and kept nowhere: "
        "their ids answer 404, and no event is published."
    ),
    security={
        "notifyToken": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A JWT that the client signs (HS256) with an API key's secret; `iss` is the service's id, `iat` now to 30 s.",
        }
    },
)


@documented_as(NOTIFY)
def as_notify(request: Request, failure: HttpFailure) -> Response:  # noqa: ARG001
    """`{"status_code": N, "errors": [{"error": ..., "message": ...}]}`."""
    body = failure.extensions.get("notify")
    if body is None:
        if failure.status >= 500 and failure.status != 503:
            error = {"error": type(failure.cause).__name__, "message": "Internal server error"}
        else:
            error = {"error": _NAMES.get(failure.status, "BadRequestError"), "message": failure.detail}
        body = {"status_code": failure.status, "errors": [error]}
    return JSONResponse(body, failure.status, headers=failure.headers)


class _NotifyRoute(Route):
    shape = staticmethod(as_notify)
    body_limit = BODY_LIMIT

    @staticmethod
    def failure(error: Exception) -> HttpFailure:
        """Return the failure for an error; a domain refusal has Notify's words."""
        if not isinstance(error, Refusal):
            return failure_of(error)
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
        return HttpFailure(error.status, "refused", headers=headers, extensions={"notify": error.as_body()})


class NotifyRouter(Router):
    """A chassis router that answers errors as Notify does."""

    def __init__(self) -> None:
        super().__init__(errors=as_notify, tags=["GOV.UK Notify v2"])
        self.route_class = _NotifyRoute


class RateLimits:
    """One quota for each service and kind of key. A window has the burst, and lasts as long as the rate takes to refill it."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._per_minute = settings.rate_per_minute
        seconds = max(1, round(settings.rate_burst * 60 / settings.rate_per_minute))
        self._quota = Quota("sending", settings.rate_burst, seconds=seconds, rows=store.collection(COLLECTION))

    async def require(self, caller: Authenticated) -> None:
        """Count one call. Refuses it above the quota."""
        if not await self._quota.hit(f"{caller.service.id}/{caller.key.type}"):
            text = f"Exceeded rate limit for key type {caller.key.type.upper()} of {self._per_minute} requests per 60 seconds"
            raise Refusal(429, ("RateLimitError", text), retry_after=self._quota.retry_after)


async def _signer(request: Request, store: Store, vault: Vault) -> tuple[Service, ApiKey]:
    token = RequestToken(bearer_token(request.headers.get("authorization")))
    stored = await store.services.get(token.service_id())
    if stored is None:
        raise Refusal.unauthenticated(403, "Invalid token: service not found")
    service = vault.opened(stored)
    return service, token.key_of(service, now())


async def _authenticated(request: Request, store: Db, vault: Sealing) -> Authenticated:
    try:
        service, key = await _signer(request, store, vault)
    except Refusal:
        security.record(security.Event.CLIENT_REFUSED, "api_key")
        raise
    request.state.principal = f"notify\0{service.id}\0{key.id}"
    return Authenticated(service, key)


Caller = Annotated[Authenticated, Depends(_authenticated)]


async def _sending(caller: Caller, limits: Annotated[RateLimits, Depends(provided(RateLimits))]) -> Authenticated:
    await limits.require(caller)
    return caller


SendingCaller = Annotated[Authenticated, Depends(_sending)]
"""The caller of a route that sends; counted against its rate before the body is parsed."""


async def json_body(request: Request) -> dict[str, Any]:
    """Return the body, whatever its content type. Refuses a body that is not JSON in UTF-8, nests too deeply, or has a lone surrogate."""
    raw = await request.body()
    if not raw:
        return {}
    require_few_values(raw, DEFAULT_MOST_VALUES)
    try:
        body = json.loads(raw)
        if b"\\ud" in raw.lower():
            json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refusal.bad_request("Invalid JSON supplied in POST data") from None
    return body or {}
