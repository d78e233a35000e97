"""Logout, requested by a client (OpenID Connect RP-Initiated Logout 1.0) or by the person."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from fastapi import Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.identity.domain.errors import OAuthError
from services.identity.domain.parameters import Parameters
from services.identity.provider import Provider
from services.identity.session_end import end_session
from services.identity.signing_keys import ForeignTokenError
from shared.clock import now
from shared.crypto import SealError
from shared.http import Problem, Router

from .browser import Browser, failure_as_page, form_fields
from .dependencies import Op, ThisBrowser
from .oauth import BODY_LIMIT, form_body, form_parameters, query, query_parameters, see_other

router = Router(tags=["OpenID Connect"], errors=failure_as_page, body_limit=BODY_LIMIT)

MALFORMED = Problem(400, "The service that sent you here asked in a way that we cannot read.", title="You are still signed in")
STATE_LIFE = 3600
CONTINUE_LIFE = 120
PARAMETERS = {
    "id_token_hint": "an ID token of the session that should end",
    "client_id": "the client, where there is no ID token",
    "post_logout_redirect_uri": "where to go afterwards; registered by the client",
    "state": "given back as it came",
}

DONE: dict[int | str, dict[str, Any]] = {303: {"description": "The session has ended"}}


@dataclass(frozen=True)
class LogoutRequest:
    """A client's checked request: the session to end, and where to redirect the person."""

    session: str | None
    back_to: str | None


@router.get("/", include_in_schema=False)
async def home(request: Request, browser: ThisBrowser, op: Op) -> Response:
    """Show the start page, with a button to sign out."""
    return op.pages.render(request, "home.html", session=await browser.session())


@router.get("/logout", response_class=HTMLResponse, responses=DONE, openapi_extra=query(**PARAMETERS))
async def logout(request: Request, browser: ThisBrowser, op: Op) -> Response:
    """End the session at once if the client's ID token belongs to it. Without such proof, ask the person first.

    The question keeps other sites from signing people out (section 2 of the specification). Identity redirects to a registered URI only.
    """
    try:
        parameters = query_parameters(request)
        parameters.require_single()
    except OAuthError:
        raise MALFORMED from None
    return await _answer(request, await _checked(parameters, op), browser, op)


@router.post("/logout", response_class=HTMLResponse, responses=DONE, openapi_extra=form_body(**PARAMETERS))
async def logout_by_form(request: Request, op: Op) -> Response:
    """The same by POST, which keeps the ID token out of addresses.

    Redirects to GET with the request sealed, because a browser omits a `SameSite=Lax` session cookie from another site's POST.
    """
    try:
        parameters = await form_parameters(request)
        parameters.require_single()
    except OAuthError:
        raise MALFORMED from None
    asked = await _checked(parameters, op)
    return see_other("/logout/continue?" + urlencode({"state": op.vault.seal_state("logout", vars(asked), now())}))


@router.get("/logout/continue", include_in_schema=False)
async def logout_continue(request: Request, browser: ThisBrowser, op: Op, state: Annotated[str, Query(max_length=16_000)] = "") -> Response:
    """Continue a client's request by POST."""
    try:
        asked = LogoutRequest(**op.vault.open_state("logout", state, max_age=CONTINUE_LIFE, at=now()))
    except SealError:
        raise MALFORMED from None
    return await _answer(request, asked, browser, op)


@router.post("/logout/confirmed", include_in_schema=False)
async def logout_confirmed(request: Request, browser: ThisBrowser, op: Op) -> Response:
    """End the session after the person confirmed on identity's own page."""
    fields = await form_fields(request, op.pages)
    try:
        back_to = LogoutRequest(**op.vault.open_state("logout", fields.get("state", ""), max_age=STATE_LIFE, at=now())).back_to
    except SealError:
        back_to = None
    session = await browser.session()
    return await _signed_out(session.id if session else None, back_to, browser, op)


@router.get("/signed-out", include_in_schema=False)
async def signed_out(request: Request, op: Op) -> Response:
    """Show that the person has signed out."""
    return op.pages.render(request, "signed_out.html")


async def _answer(request: Request, asked: LogoutRequest, browser: Browser, op: Provider) -> Response:
    session = await browser.session()
    meant = await op.store.sessions.current(asked.session) if asked.session else None
    if session is None or meant == session.id:
        return await _signed_out(asked.session, asked.back_to, browser, op)
    target = urlsplit(asked.back_to or "")
    return op.pages.render(
        request,
        "logout.html",
        state=op.vault.seal_state("logout", vars(LogoutRequest(None, asked.back_to)), now()),
        form_targets=[f"{target.scheme}://{target.netloc}"] if asked.back_to else [],
    )


async def _checked(parameters: Parameters, op: Provider) -> LogoutRequest:
    hint, client_id, session = parameters.get("id_token_hint"), parameters.get("client_id"), None
    if hint is not None:
        try:
            claims = op.keys.verify(hint, "JWT")  # an expired hint serves too: it only names the session
        except ForeignTokenError:
            raise MALFORMED from None
        if claims["iss"] != op.issuer or client_id not in {None, claims["aud"]}:
            raise MALFORMED
        client_id, session = str(claims["aud"]), str(claims["sid"])
    back_to = parameters.get("post_logout_redirect_uri")
    if back_to is None:
        return LogoutRequest(session, None)
    client = await op.store.clients.get(client_id or "")
    if client is None or back_to not in client.post_logout_redirect_uris:
        raise MALFORMED
    state = parameters.get("state")
    if state is not None:
        back_to += ("&" if "?" in back_to else "?") + urlencode({"state": state})
    return LogoutRequest(session, back_to)


async def _signed_out(session: str | None, back_to: str | None, browser: Browser, op: Provider) -> Response:
    """End the session with its codes and tokens. With a client's proof the session ends even if the browser no longer has its cookie."""
    if session:
        async with op.store.transaction() as tx:
            await end_session(tx, session, now())
            tx.after_commit(op.logouts.wake)
    response = see_other(back_to or "/signed-out")
    browser.forget_session(response)
    return response
