"""The start page, sign-in at identity, and sign-out."""

from typing import Literal

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from examples.move_home.adapters.identity import Attempt, Identity, LogoutRefused, SignInFailed
from examples.move_home.seal import Seal
from shared import security
from shared.http import Problem, Router

from .dependencies import (
    Config,
    Content,
    Db,
    Form,
    Rendering,
    Sealing,
    SignIn,
    failure_as_page,
    local_path,
    see_other,
    session_secret,
)

router = Router(errors=failure_as_page, include_in_schema=False)

ATTEMPT_SECONDS = 1800
NO_STORE = {"Cache-Control": "no-store"}
DOWN = Problem(503, "You cannot sign in at the moment.")


@router.get("/")
async def start(request: Request, pages: Rendering) -> Response:
    """Show what the service does and what a citizen needs for it."""
    return pages.render(request, "start.html")


@router.get("/sign-in")
async def sign_in(identity: SignIn, seal: Sealing, config: Config, back_to: str = "/move", silent: bool = False) -> Response:
    """Redirect a citizen to identity; `silent` only renews the token."""
    return await _leave(identity, seal, config, "citizen", local_path(back_to, "/move"), silent=silent)


@router.get("/borough/sign-in")
async def staff_sign_in(identity: SignIn, seal: Sealing, config: Config) -> Response:
    """Redirect a member of a borough's staff to identity."""
    return await _leave(identity, seal, config, "staff", "/borough")


@router.get("/sign-in/callback")
async def come_back(request: Request, identity: SignIn, store: Db, seal: Sealing, config: Config) -> Response:
    """Validate identity's answer and start a session under a new secret."""
    attempt = seal.open_fresh(request.cookies.get(config.attempt_cookie), Attempt, ATTEMPT_SECONDS)
    if attempt is None:
        raise Problem(400, "Your sign-in took too long, or was begun in another browser. Start again.", title="You are not signed in")
    try:
        person = await identity.finish(attempt, dict(request.query_params))
    except SignInFailed as failed:
        return await _failed(identity, seal, config, attempt, failed)
    except httpx.HTTPError:
        raise DOWN from None
    if attempt.kind == "staff" and person.borough is None:
        raise Problem(403, "The account that you signed in with does not belong to a borough's staff.")
    if attempt.kind == "citizen" and not person.email:
        raise Problem(403, "We need your email address to tell you what happens, and your account does not give it to us.")
    before = await store.sessions.find_or_ended(session_secret(request))
    content = Content(
        email=person.email,
        name=person.name,
        borough=person.borough,
        access_token=person.access_token,
        access_until=person.expires_at,
        id_token=person.id_token,
    )
    if before is not None and (before.kind, before.subject) == (attempt.kind, person.subject):
        held = seal.open(before.content, Content)
        content = content.model_copy(update={"answers": held.answers, "unsent": held.unsent})
    await store.sessions.end(session_secret(request))
    secret = await store.sessions.start(attempt.kind, person.subject, seal.close(content), sid=person.session)
    response = see_other(attempt.back_to)
    response.set_cookie(config.session_cookie, secret, httponly=True, samesite="lax", secure=config.is_https, path="/")
    response.delete_cookie(config.attempt_cookie, path="/sign-in", secure=config.is_https, httponly=True, samesite="lax")
    return response


@router.post("/sign-out")
async def sign_out(request: Request, _: Form, *, identity: SignIn, store: Db, seal: Sealing, config: Config, pages: Rendering) -> Response:
    """End the session here, and at identity by a form that holds the ID token."""
    secret = session_secret(request)
    session = await store.sessions.find(secret)
    await store.sessions.end(secret)
    id_token = seal.open(session.content, Content).id_token if session else ""
    response: Response
    try:
        response = pages.render(request, "signing_out.html", form=await identity.sign_out(id_token)) if id_token else see_other("/")
    except httpx.HTTPError:
        response = see_other("/")
    response.delete_cookie(config.session_cookie, path="/", secure=config.is_https, httponly=True, samesite="lax")
    return response


@router.post("/back-channel-logout")
async def signed_out_elsewhere(request: Request, identity: SignIn, store: Db) -> Response:
    """End the sessions of an ended session of identity. Identity calls this, not a browser (Back-Channel Logout 1.0, section 2.5)."""
    form = await request.form(max_files=0, max_fields=10)
    try:
        sid = await identity.signed_out(str(form.get("logout_token", "")))
    except LogoutRefused:
        security.record(security.Event.TOKEN_REFUSED, "forged")
        return JSONResponse({"error": "invalid_request"}, 400, headers=NO_STORE)
    except httpx.HTTPError:
        return JSONResponse({"error": "temporarily_unavailable"}, 503, headers=NO_STORE)
    await store.sessions.end_of(sid)
    return Response(status_code=200, headers=NO_STORE)


async def _leave(
    identity: Identity, seal: Seal, config: Config, kind: Literal["citizen", "staff"], back_to: str, *, silent: bool = False
) -> Response:
    try:
        address, attempt = await identity.begin(kind, back_to, silent=silent)
    except httpx.HTTPError:
        raise DOWN from None
    response = see_other(address)
    response.set_cookie(
        config.attempt_cookie,
        seal.close(attempt).decode(),
        max_age=ATTEMPT_SECONDS,
        httponly=True,
        samesite="lax",
        secure=config.is_https,
        path="/sign-in",
    )
    return response


async def _failed(identity: Identity, seal: Seal, config: Config, attempt: Attempt, failed: SignInFailed) -> Response:
    if attempt.silent and failed.code in {"login_required", "interaction_required", "consent_required"}:
        return await _leave(identity, seal, config, attempt.kind, attempt.back_to)
    if failed.code == "access_denied":
        return see_other("/")
    raise Problem(400, "We could not sign you in. Start again.", title="You are not signed in")
