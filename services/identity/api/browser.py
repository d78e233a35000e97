"""The cookies of a person's browser: the session, the mark that ties a sign-in code to this browser, and the device of earlier sign-ins."""

import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.identity.domain.clients import Client
from services.identity.domain.sessions import ABSOLUTE_LIFE, Session
from services.identity.domain.sign_in import DEVICE_LIFE, Device
from services.identity.provider import Provider
from shared.clock import now
from shared.crypto import SealError
from shared.http import HttpFailure, Problem
from shared.http.openapi import SurfaceDocument, documented_as
from shared.pages import ForgeryError, Pages

from .oauth import DESCRIPTION

STALE = "This page was open for too long, or was not opened from here. Go back and try again."


def session_cookie(*, secure: bool) -> str:
    """Return the session cookie's name. It contains the service's name, because all ports of a host share cookies.

    With HTTPS the `__Host-` prefix keeps other hosts of the domain from setting it (RFC 6265bis section 4.1.3.2).
    """
    return "__Host-identity_session" if secure else "identity_session"


@dataclass(frozen=True)
class CookieValue:
    """A secret in a cookie, and its digest, which the database stores."""

    text: str
    digest: str


class Browser:
    """One request's browser: reads its cookies, and sets them on a response."""

    def __init__(self, request: Request, op: Provider) -> None:
        self._request = request
        self._store = op.store
        self._vault = op.vault
        self._secure = op.has_https
        self._session_cookie = session_cookie(secure=op.has_https)
        self._mark_cookie = "__Host-identity_browser" if op.has_https else "identity_browser"
        self._device_cookie = "__Host-identity_device" if op.has_https else "identity_device"

    async def session(self) -> Session | None:
        """Return this browser's session if it is alive, and note its use, so that it does not go idle."""
        session = await self._store.sessions.by_cookie(self._digest()) if self._request.cookies.get(self._session_cookie) else None
        at = now()
        if session is None or not session.is_alive(at):
            return None
        if session.needs_touch(at):
            await self._store.sessions.touch(session.id, at)
        return session

    def new_session_secret(self) -> CookieValue:
        """Make a cookie value of 256 bits. A session never adopts a value that the browser sent."""
        secret = secrets.token_urlsafe(32)
        return CookieValue(secret, self._vault.digest("session", secret))

    def keep_session(self, response: Response, secret: CookieValue) -> None:
        self._set(response, self._session_cookie, secret.text, max_age=int(ABSOLUTE_LIFE.total_seconds()))

    def forget_session(self, response: Response) -> None:
        response.delete_cookie(self._session_cookie, path="/", secure=self._secure, httponly=True, samesite="lax")

    @property
    def mark(self) -> CookieValue | None:
        """This browser's mark; None if it has none yet."""
        value = self._request.cookies.get(self._mark_cookie)
        return CookieValue(value, self._vault.digest("browser", value)) if value else None

    def new_mark(self) -> CookieValue:
        """Make a mark for a browser without one."""
        value = secrets.token_urlsafe(24)
        return CookieValue(value, self._vault.digest("browser", value))

    def keep_mark(self, response: Response, mark: CookieValue) -> None:
        self._set(response, self._mark_cookie, mark.text, max_age=None)

    @property
    def device(self) -> Device | None:
        """The device cookie of earlier sign-ins; None if there were none for half a year."""
        sealed = self._request.cookies.get(self._device_cookie)
        if sealed is None:
            return None
        try:
            return Device.model_validate(self._vault.open_state("device", sealed, max_age=int(DEVICE_LIFE.total_seconds()), at=now()))
        except SealError:
            return None

    def keep_device(self, response: Response, email_key: str) -> None:
        """Store in the device cookie that the owner of this address has signed in here."""
        device = (self.device or Device(id=secrets.token_urlsafe(16), addresses=())).with_address(email_key)
        sealed = self._vault.seal_state("device", device.model_dump(mode="json"), now())
        self._set(response, self._device_cookie, sealed, max_age=int(DEVICE_LIFE.total_seconds()))

    def _digest(self) -> str:
        return self._vault.digest("session", self._request.cookies[self._session_cookie])

    def _set(self, response: Response, name: str, value: str, *, max_age: int | None) -> None:
        response.set_cookie(name, value, max_age=max_age, path="/", secure=self._secure, httponly=True, samesite="lax")


async def form_fields(request: Request, pages: Pages) -> dict[str, str]:
    """Return the text fields of a form that our own page sent. Raises a 403 problem for any other."""
    try:
        form = await pages.form(request)
    except ForgeryError:
        raise Problem(403, STALE, title="Try again") from None
    return {name: value for name, value in form.items() if isinstance(value, str)}


def note_client(request: Request, client: Client | None) -> None:
    """Remember the client of this request, so that an error page can link back to it."""
    if client is not None and client.client_uri is not None:
        request.state.came_from = (f"Go back to {client.name}", client.client_uri)


PAGE = SurfaceDocument(
    "Page",
    {"type": "string", "description": "A page for a person."},
    ("text/html",),
    always={503: "The service cannot answer at the moment"},
    takes_idempotency_key=False,
    description=DESCRIPTION,
)


@documented_as(PAGE)
def failure_as_page(request: Request, failure: HttpFailure) -> Response:
    """Return a page that explains the failure and links back to the client, if it is known."""
    pages: Pages = request.app.state.provided[Provider].pages
    detail = failure.detail if failure.status < 500 else "Try again in a moment."
    start = getattr(request.state, "came_from", None)
    page = pages.error(request, failure.status, title=failure.title, detail=detail, start=start)
    page.headers.update(failure.headers)
    return page
