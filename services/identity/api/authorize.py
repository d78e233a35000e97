"""The authorization endpoint (RFC 6749 section 3.1, OpenID Connect Core section 3.1.2)."""

import secrets
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.identity.domain.authorization import AuthorizationRequest, read_request, response_uri
from services.identity.domain.clients import Client
from services.identity.domain.errors import OAuthError, RedirectedError, UntrustedRequestError
from services.identity.domain.grants import Grant, granted
from services.identity.domain.parameters import Parameters
from services.identity.domain.sessions import Session
from services.identity.provider import Provider
from services.identity.signing_keys import ForeignTokenError
from shared.clock import now
from shared.events import new_id
from shared.http import Problem, Router

from .browser import failure_as_page, note_client
from .dependencies import Op, ThisBrowser
from .oauth import BODY_LIMIT, form_body, form_parameters, query, query_parameters, see_other

router = Router(tags=["OpenID Connect"], errors=failure_as_page, body_limit=BODY_LIMIT)

CANNOT_SIGN_IN = "You cannot sign in from there"
NOT_KNOWN = "The service that sent you here is not known to us, or asked us to send you back to an address that is not its own."
MALFORMED = "The service that sent you here did not say who it is in a way that we can read."
LOGIN_REQUIRED = OAuthError("login_required", "The person is not signed in, or has to sign in again")
REQUIRED = ("client_id", "redirect_uri", "response_type", "scope")
OPTIONAL = {
    "state": "given back as it came",
    "nonce": "stands in the ID token",
    "code_challenge": "PKCE (RFC 7636)",
    "code_challenge_method": "S256",
    "prompt": "none or login",
    "max_age": "seconds since the person last proved who they are, at most",
    "login_hint": "an email address to begin with",
    "id_token_hint": "an ID token of the person who should be signed in",
    "resource": "the one block that the access token is for (RFC 8707)",
}


@router.get("/authorize", response_class=RedirectResponse, status_code=303, openapi_extra=query(*REQUIRED, **OPTIONAL))
async def authorize(request: Request, browser: ThisBrowser, op: Op) -> Response:
    """Send the person back to the client with a code: at once if they are signed in, or after they have signed in here."""
    try:
        parameters = query_parameters(request)
    except OAuthError:
        raise Problem(400, MALFORMED, title=CANNOT_SIGN_IN) from None
    client = await op.store.clients.get(parameters.get("client_id") or "")
    note_client(request, client)
    try:
        asked = read_request(parameters, client)
    except UntrustedRequestError:
        raise Problem(400, NOT_KNOWN, title=CANNOT_SIGN_IN) from None
    except RedirectedError as refused:
        return error_response(refused, op)
    session = await browser.session()
    if session and client and asked.is_met_by(session, now()) and _is_hinted(parameters, session, client, op):
        code, grant = new_grant(asked, session, op)
        await op.store.sessions.serve(session.id, client.client_id)
        await op.store.grants.insert(grant)
        return code_response(asked, code, op)
    if asked.silent:
        return error_response(asked.refused(LOGIN_REQUIRED), op)
    return see_other("/sign-in?" + urlencode({"request": op.vault.seal_state("sign-in", {"asked": asked.model_dump(mode="json")}, now())}))


@router.post("/authorize", response_class=RedirectResponse, status_code=303, openapi_extra=form_body(*REQUIRED, **OPTIONAL))
async def authorize_by_form(request: Request) -> Response:
    """The same by POST. Redirects to GET, because a browser omits a `SameSite=Lax` session cookie from another site's POST."""
    try:
        parameters = await form_parameters(request)
    except OAuthError:
        raise Problem(400, MALFORMED, title=CANNOT_SIGN_IN) from None
    return see_other("/authorize?" + urlencode([(name, value) for name, values in parameters.values.items() for value in values]))


def new_grant(asked: AuthorizationRequest, session: Session, op: Provider) -> tuple[str, Grant]:
    """Make a code of 256 bits, and its grant."""
    code = secrets.token_urlsafe(32)
    return code, granted(new_id(), op.vault.digest("code", code), asked, session, now())


def code_response(asked: AuthorizationRequest, code: str, op: Provider) -> Response:
    """Redirect to the client with a code."""
    return see_other(response_uri(asked.redirect_uri, op.issuer, asked.state, code=code))


def error_response(refused: RedirectedError, op: Provider) -> Response:
    """Redirect to the client with an error (RFC 6749 section 4.1.2.1)."""
    error = {"error": refused.error.code, "error_description": refused.error.description}
    return see_other(response_uri(refused.redirect_uri, op.issuer, refused.state, **error))


def _is_hinted(parameters: Parameters, session: Session, client: Client, op: Provider) -> bool:
    """Return whether `id_token_hint` names the session's person (OpenID Connect Core section 3.1.2.1); True without a hint."""
    hint = parameters.get("id_token_hint")
    if hint is None:
        return True
    try:
        claims = op.keys.verify(hint, "JWT")
    except ForeignTokenError:
        return False
    return bool(claims.get("sub") == op.subject(session.account, client))
