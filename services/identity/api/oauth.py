"""OAuth's HTTP messages: parameters of requests, errors and tokens of answers, as in RFC 6749 and RFC 6750."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi.responses import JSONResponse, RedirectResponse
from starlette.requests import Request
from starlette.responses import Response

from services.identity.domain.errors import OAuthError
from services.identity.domain.parameters import Parameters
from shared.http import HttpFailure
from shared.http.openapi import SurfaceDocument, documented_as

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
FORM = "application/x-www-form-urlencoded"
MAX_FIELDS = 100
BODY_LIMIT = 64 * 1024


def query_parameters(request: Request) -> Parameters:
    """Return the parameters in the query. Raises invalid_request."""
    return _parsed(request.url.query)


async def form_parameters(request: Request) -> Parameters:
    """Return the parameters in a form body, and ignore those in the query (RFC 6749 section 3.2). Raises invalid_request."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != FORM:
        raise OAuthError("invalid_request", f"The body must be {FORM}")
    try:
        return _parsed((await request.body()).decode("ascii"))
    except UnicodeDecodeError:
        raise OAuthError("invalid_request", f"The body is not valid {FORM}") from None


def form_body(*required: str, **optional: str) -> dict[str, Any]:
    """Return the OpenAPI description of a form body: names of required fields, and optional fields with their descriptions."""
    fields = {name: {"type": "string"} for name in required} | {n: {"type": "string", "description": d} for n, d in optional.items()}
    schema = {"type": "object", "properties": fields, "required": list(required)}
    return {"requestBody": {"required": bool(required), "content": {FORM: {"schema": schema}}}}


def query(*required: str, **optional: str) -> dict[str, Any]:
    """Return the OpenAPI description of query parameters: names of required ones, and optional ones with their descriptions."""
    known: list[dict[str, Any]] = [{"name": name, "required": True} for name in required]
    known += [{"name": name, "required": False, "description": meaning} for name, meaning in optional.items()]
    return {"parameters": [{**parameter, "in": "query", "schema": {"type": "string"}} for parameter in known]}


def refusal(error: OAuthError) -> Response:
    """Return an error of the token endpoint (RFC 6749 section 5.2)."""
    body = {"error": error.code, "error_description": error.description}
    if error.code == "invalid_client":
        return JSONResponse(body, 401, headers={**NO_STORE, "WWW-Authenticate": 'Basic realm="identity"'})
    return JSONResponse(body, 400, headers=NO_STORE)


_ERROR = {
    "type": "object",
    "title": "OAuthError",
    "description": "An error response of OAuth 2.0 (RFC 6749, section 5.2).",
    "required": ["error", "error_description"],
    "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
}
DESCRIPTION = (
    "OpenID Connect Core 1.0 and OAuth 2.0: people sign in by the authorization code flow, systems get tokens by client credentials. "
    "Any certified client library works from `/.well-known/openid-configuration`. Errors have the shapes of these standards."
)
OAUTH = SurfaceDocument(
    "OAuthError",
    _ERROR,
    always={400: "The request is refused; `error` is a code of OAuth 2.0", 401: "Authentication failed", 503: "Try again later"},
    takes_idempotency_key=False,
    description=DESCRIPTION,
)


@documented_as(OAUTH)
def failure_as_oauth(_: Request, failure: HttpFailure) -> Response:
    """Return a failure that OAuth does not define, such as an unreachable database, in OAuth's shape."""
    later = failure.status in (429, 503)
    code = "temporarily_unavailable" if later else "invalid_request" if failure.status < 500 else "server_error"
    return JSONResponse({"error": code, "error_description": failure.detail}, failure.status, headers={**failure.headers, **NO_STORE})


def see_other(url: str, headers: Mapping[str, str] | None = None) -> RedirectResponse:
    """Return a redirect (303) by GET, not stored, that sends no referrer."""
    return RedirectResponse(url, 303, headers={**NO_STORE, "Referrer-Policy": "no-referrer", **(headers or {})})


def _parsed(encoded: str) -> Parameters:
    try:
        return Parameters.of(parse_qsl(encoded, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS))
    except ValueError:  # bad UTF-8, too many fields
        raise OAuthError("invalid_request", "The parameters are not valid form encoding") from None
