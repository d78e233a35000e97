"""Sign-in by an email address and the code sent to it. No page reveals whether an account exists."""

import secrets
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from contracts.events.identity import AccountCreated, SessionStarted
from services.identity.domain.accounts import Account, normalised_address
from services.identity.domain.authorization import AuthorizationRequest
from services.identity.domain.clients import Client
from services.identity.domain.sessions import Session
from services.identity.domain.sign_in import CODE_DIGITS, CODE_LIFE, METHODS, Attempt, typed_code
from services.identity.provider import Provider
from services.identity.session_end import end_session
from services.identity.store import Tx
from services.identity.store.code_queue import OutgoingCode
from shared import security
from shared.clock import now
from shared.crypto import SealError
from shared.events import new_id
from shared.http import Problem, Router
from shared.pages import FormErrors
from shared.telemetry import traceparent

from .authorize import code_response, new_grant
from .browser import failure_as_page, form_fields, note_client
from .dependencies import Op, ThisBrowser
from .limits import Limits
from .oauth import BODY_LIMIT, see_other

router = Router(errors=failure_as_page, body_limit=BODY_LIMIT, include_in_schema=False)

STATE_LIFE = 3600
"""Seconds that a person may take from the authorization request to the last page."""
REMEMBERED = 7 * 24 * 3600
"""Seconds for which the service still reads the client from an expired request, to link back to it."""

MISSING_ADDRESS = "Enter your email address"
ENTER_ADDRESS = "Enter an email address in the correct format, like name@example.com"
ENTER_CODE = f"Enter the {CODE_DIGITS} digits of the code"
WRONG_CODE = "That code is not right. Check the email and try again, or get a new code"
DEAD_CODE = "That code can no longer be used. Get a new code"
START_AGAIN = Problem(400, "This sign-in has expired. Go back to the service that you came from and start again.", title="Start again")


@dataclass(frozen=True)
class Pending:
    """A sign-in in progress: the client's request, and the attempt once identity queued a code. The address in the browser carries it
    sealed.
    """

    asked: AuthorizationRequest
    client: Client
    attempt: str
    sealed: str

    def url(self, path: str) -> str:
        """Return the URL of one of its pages."""
        return f"{path}?{urlencode({'request': self.sealed})}"

    @property
    def target(self) -> str:
        """The origin of the client's redirect URI. Chromium applies `form-action` to the redirect that answers a form."""
        uri = urlsplit(self.asked.redirect_uri)
        return f"{uri.scheme}://{uri.netloc}"


async def _pending(arrived: Request, op: Op, request: Annotated[str, Query(max_length=16_000)] = "") -> Pending:
    try:
        state = op.vault.open_state("sign-in", request, max_age=REMEMBERED, at=now())
    except SealError:
        raise START_AGAIN from None
    asked = AuthorizationRequest.model_validate(state["asked"])
    client = await op.store.clients.get(asked.client_id)
    note_client(arrived, client)
    try:
        op.vault.open_state("sign-in", request, max_age=STATE_LIFE, at=now())
    except SealError:
        raise START_AGAIN from None
    if client is None or asked.redirect_uri not in client.redirect_uris:
        raise START_AGAIN
    return Pending(asked, client, state.get("attempt", ""), request)


SignIn = Annotated[Pending, Depends(_pending)]


@router.get("/sign-in")
async def show_address_form(request: Request, sign_in: SignIn, op: Op) -> Response:
    """Ask for the email address."""
    return op.pages.render(request, "address.html", sign_in=sign_in, email=sign_in.asked.login_hint or "")


@router.post("/sign-in")
async def submit_address(request: Request, sign_in: SignIn, browser: ThisBrowser, op: Op) -> Response:
    """Queue a code for the address, whether or not an account has it, and ask for the code."""
    typed = (await form_fields(request, op.pages)).get("email", "")
    address = normalised_address(typed)
    if address is None:
        errors = FormErrors()
        errors.add("email", ENTER_ADDRESS if typed.strip() else MISSING_ADDRESS)
        return op.pages.render(request, "address.html", sign_in=sign_in, email=typed[:320], errors=errors)
    await Limits(op, request, browser.device).count_request(op.vault.digest("address", address))
    mark = browser.mark or browser.new_mark()
    attempt, outgoing = _code_for(address, mark.digest, op)
    async with op.store.transaction() as tx:
        await tx.attempts.insert(attempt)
        await tx.outgoing.insert(outgoing, due_at=now())
        tx.after_commit(op.delivery.wake)
    state = {"asked": sign_in.asked.model_dump(mode="json"), "attempt": attempt.id}
    response = see_other("/sign-in/code?" + urlencode({"request": op.vault.seal_state("sign-in", state, now())}))
    browser.keep_mark(response, mark)
    return response


@router.get("/sign-in/code")
async def show_code_form(request: Request, sign_in: SignIn, browser: ThisBrowser, op: Op) -> Response:
    """Ask for the code."""
    return await CodePage(request, sign_in, browser, op).render()


@router.post("/sign-in/code")
async def submit_code(request: Request, sign_in: SignIn, browser: ThisBrowser, op: Op) -> Response:
    """Check the code. The right one starts a new session and sends the person back to the client."""
    page = CodePage(request, sign_in, browser, op)
    digits = typed_code((await form_fields(request, op.pages)).get("code", ""))
    if digits is None:
        return await page.render(ENTER_CODE)
    limits = Limits(op, request, browser.device)
    asked = await op.store.attempts.get(sign_in.attempt)
    await limits.require_wrong_code_left(asked.email_key if asked else None)
    # outside the transaction, so that a try counts even if the request fails
    attempt = await op.store.attempts.count_try(sign_in.attempt, browser=browser.mark.digest if browser.mark else "", at=now())
    if attempt is None:
        security.record(security.Event.SIGN_IN_CODE_REFUSED, "dead")
        return await page.render(DEAD_CODE)
    if not attempt.answers(op.vault.digest("sign-in-code", f"{attempt.id}:{digits}")):
        security.record(security.Event.SIGN_IN_CODE_REFUSED, "wrong")
        await limits.count_wrong_code(attempt.email_key)
        return await page.render(WRONG_CODE if attempt.is_open(now()) else DEAD_CODE)
    secret = browser.new_session_secret()
    previous = await browser.session()
    async with op.store.transaction() as tx:
        if not await tx.attempts.use(attempt.id, now()):
            return await page.render(DEAD_CODE)
        session = await _start_session(tx, attempt, secret.digest, client=sign_in.client, previous=previous)
        tx.after_commit(op.logouts.wake)
        code, grant = new_grant(sign_in.asked, session, op)
        await tx.grants.insert(grant)
    response = code_response(sign_in.asked, code, op)
    browser.keep_session(response, secret)
    browser.keep_device(response, attempt.email_key)
    return response


class CodePage:
    """The page that asks for the code. It shows the address only to the browser that entered it."""

    def __init__(self, request: Request, sign_in: Pending, browser: ThisBrowser, op: Provider) -> None:
        self._request, self._sign_in, self._browser, self._op = request, sign_in, browser, op

    async def render(self, error: str | None = None) -> Response:
        """Render the page, with an error if identity refused the code."""
        op, mark = self._op, self._browser.mark
        attempt = await op.store.attempts.get(self._sign_in.attempt)
        if attempt is None or mark is None or attempt.browser != mark.digest:
            raise START_AGAIN
        errors = FormErrors()
        if error:
            errors.add("code", error)
        email = op.vault.open(attempt.email)
        return op.pages.render(
            self._request, "code.html", errors=errors, form_targets=[self._sign_in.target], sign_in=self._sign_in, email=email
        )


def _code_for(address: str, mark: str, op: Provider) -> tuple[Attempt, OutgoingCode]:
    """Make a code for an address: the attempt that checks it, and the row that queues it."""
    code, expires_at, attempt = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}", now() + CODE_LIFE, new_id()
    return (
        Attempt(
            id=attempt,
            email=op.vault.seal(address),
            email_key=op.vault.digest("address", address),
            browser=mark,
            code_digest=op.vault.digest("sign-in-code", f"{attempt}:{code}"),
            expires_at=expires_at,
        ),
        OutgoingCode(new_id(), op.vault.seal(address), op.vault.seal(code), expires_at, traceparent()),
    )


async def _start_session(tx: Tx, attempt: Attempt, cookie_digest: str, *, client: Client, previous: Session | None) -> Session:
    """Start a session for the person who proved the attempt's address. Makes their account at the first sign-in.

    They came through `client`. `previous` is the earlier session of this browser. If it belongs to the same person, the new session
    continues it: other apps stay signed in, and learn of its end. Another person's session ends.
    """
    at, borough = now(), client.borough
    account = await tx.accounts.by_address(attempt.email_key)
    if account is None:
        account = Account(id=new_id(), email_key=attempt.email_key, email=attempt.email, created_at=at)
        await tx.accounts.insert(account)
        is_first = True
    else:
        is_first = account.created_at is None and await tx.accounts.note_first_sign_in(account.id, at)
    if is_first:
        version = await tx.accounts.next_version(account.id)
        await tx.publish(AccountCreated(account=account.id, kind=account.kind, created_at=at, sequence=version), borough=borough)
    session = Session(id=new_id(), account=account.id, methods=METHODS, authenticated_at=at, last_used_at=at)
    if previous and previous.account != account.id:
        await end_session(tx, previous.id, at)
    before = await tx.sessions.end(previous.id) if previous and previous.account == account.id else None
    await tx.sessions.insert(session, cookie_digest, client=client.client_id, served=before.served if before else ())
    version = await tx.accounts.next_version(account.id)
    started = SessionStarted(account=account.id, session=session.id, methods=METHODS, started_at=at, sequence=version)
    await tx.publish(started, borough=borough)
    return session
