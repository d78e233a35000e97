"""The userinfo endpoint (OpenID Connect Core section 5.3): claims about the person, for the access token of their sign-in."""

from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from services.identity.domain.errors import OAuthError
from services.identity.domain.scopes import IDENTITY
from services.identity.domain.tokens import person_claims
from services.identity.provider import Provider
from services.identity.signing_keys import ForeignTokenError
from shared.clock import now
from shared.http import Router

from .dependencies import Op
from .oauth import BODY_LIMIT, FORM, NO_STORE, failure_as_oauth, form_body, form_parameters

router = Router(tags=["OpenID Connect"], errors=failure_as_oauth, body_limit=BODY_LIMIT)


class PersonClaims(BaseModel):
    """Claims about the person who signed in. A claim is absent if no scope requests it, or it has no value."""

    sub: str = Field(description="The person's pseudonym at this client.")
    email: str = ""
    email_verified: bool = True
    name: str = ""
    borough: str = Field("", description="GSS code, for staff.")
    roles: list[str] = []


INVALID = OAuthError("invalid_token", "The access token is invalid, expired, ended or for another service")
TOKEN_IN_BODY = form_body(access_token="unless in the Authorization header")  # noqa: S106 (what the field means)
CLAIMS: dict[int | str, dict[str, Any]] = {200: {"model": PersonClaims}}
WITH_TOKEN = {"security": [{"openIdConnect": ["openid"]}]}
CHALLENGE = 'Bearer realm="identity"'


@router.get("/userinfo", responses=CLAIMS, openapi_extra=WITH_TOKEN)
@router.post("/userinfo", responses=CLAIMS, openapi_extra={**TOKEN_IN_BODY, **WITH_TOKEN})
async def userinfo(request: Request, op: Op) -> Response:
    """Return the claims that the token's scopes request. The token comes in the header or in a form body (RFC 6750 section 2)."""
    try:
        token = await _token(request)
        if token is None:  # no credentials at all: a challenge without an error code (RFC 6750 section 3.1)
            return Response(status_code=401, headers={**NO_STORE, "WWW-Authenticate": CHALLENGE})
        return JSONResponse(await _claims(token, op), headers=NO_STORE)
    except OAuthError as error:
        challenge = f'{CHALLENGE}, error="{error.code}", error_description="{error.description}"'
        body = {"error": error.code, "error_description": error.description}
        return JSONResponse(body, 400 if error.code == "invalid_request" else 401, headers={**NO_STORE, "WWW-Authenticate": challenge})


async def _claims(token: str, op: Provider) -> dict[str, Any]:
    try:
        claims = op.keys.verify(token, "at+jwt")
    except ForeignTokenError:
        raise INVALID from None
    if claims["iss"] != op.issuer or claims["aud"] != IDENTITY or now().timestamp() >= claims["exp"]:
        raise INVALID
    grant = await op.store.grants.of_token(claims["jti"])
    account = await op.store.accounts.get(grant.account) if grant and grant.ended_at is None else None
    if grant is None or account is None:
        raise INVALID
    return {"sub": claims["sub"], **person_claims(op.open_person(account), grant.access.scope)}


async def _token(request: Request) -> str | None:
    """Return the token from its one place in the request. Raises invalid_request or invalid_token."""
    authorization = request.headers.get("authorization")
    in_body = None
    if request.method == "POST" and request.headers.get("content-type", "").split(";")[0].strip().lower() == FORM:
        parameters = await form_parameters(request)
        parameters.require_single()
        in_body = parameters.get("access_token")
    if authorization is None:
        return in_body
    if in_body is not None:
        raise OAuthError("invalid_request", "Send the access token in one place")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise INVALID
    return token.strip()
