"""Typed dependencies of the routes: the app's parts, the form, and the signed-in person."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, HTTPException
from pydantic import BaseModel, ConfigDict
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from examples.move_home.adapters.addresses import Addresses
from examples.move_home.adapters.data_sharing import DataSharing
from examples.move_home.adapters.identity import Identity
from examples.move_home.domain.answers import Answers
from examples.move_home.domain.move import Move
from examples.move_home.seal import Seal
from examples.move_home.settings import Settings
from examples.move_home.store import Session, Store
from shared import clock
from shared.events import new_id
from shared.http import HttpFailure, Problem, provided
from shared.pages import FORM_TOKEN, ForgeryError, Pages
from shared.process import Process

SESSION_ENDED = "session-ended"

Db = Annotated[Store, Depends(provided(Store))]
Config = Annotated[Settings, Depends(provided(Settings))]
Sealing = Annotated[Seal, Depends(provided(Seal))]
Rendering = Annotated[Pages, Depends(provided(Pages))]
SignIn = Annotated[Identity, Depends(provided(Identity))]
Lookup = Annotated[Addresses, Depends(provided(Addresses))]
Sharing = Annotated[DataSharing, Depends(provided(DataSharing))]

Journeys = Annotated[Process[Move], Depends(provided(Process))]


class Unsent(BaseModel):
    """A form sent after the session's end, kept until the citizen signs in again."""

    model_config = ConfigDict(frozen=True)

    target: str
    """The form's target: a path of this app, with its query."""
    fields: tuple[tuple[str, str], ...]


class Content(BaseModel):
    """Personal content of a session."""

    model_config = ConfigDict(frozen=True)

    email: str | None = None
    name: str | None = None
    borough: str | None = None
    access_token: str = ""
    access_until: datetime | None = None
    id_token: str = ""
    answers: Answers | None = None
    unsent: Unsent | None = None


@dataclass(frozen=True)
class Citizen:
    """A citizen signed in on this browser."""

    session: Session
    content: Content

    @property
    def subject(self) -> str:
        """The pseudonym that identity gives this borough."""
        return self.session.subject

    @property
    def email(self) -> str:
        """The email address that identity has verified."""
        return self.content.email or ""

    @property
    def answers(self) -> Answers:
        """The answers of the unfinished move; a new one if there is none."""
        return self.content.answers or Answers(move=new_id())

    @property
    def access_token(self) -> str | None:
        """The token that acts for the citizen; None once it has expired."""
        until = self.content.access_until
        return self.content.access_token if until is not None and until > clock.now() else None

    def answering(self, answers: Answers | None, seal: Seal) -> Session:
        """Return the session to save, with these answers."""
        return self.session.holding(seal.close(self.content.model_copy(update={"answers": answers, "unsent": None})))


@dataclass(frozen=True)
class Staff:
    """A member of a borough's staff."""

    borough: str
    """GSS code."""
    name: str | None


def failure_as_page(request: Request, failure: HttpFailure) -> Response:
    """Render a failed request as a page; keep a redirect to the sign-in."""
    if failure.status in {302, 303}:
        return RedirectResponse(failure.headers["Location"], failure.status)
    pages: Pages = request.app.state.provided[Pages]
    if failure.type == SESSION_ENDED:
        return pages.render(request, "session_ended.html", status=failure.status, is_kept=failure.extensions["is_kept"])
    ours = failure.status < 500 or (failure.status == 503 and failure.cause is None)
    return pages.error(request, failure.status, title=failure.title, detail=failure.detail if ours else SERVER_DETAIL)


SERVER_DETAIL = "Nothing that you have sent is lost. Try again in a few minutes."


def see_other(path: str) -> Response:
    """Redirect after a form (303, so that going back does not send it again)."""
    return RedirectResponse(path, 303)


def local_path(text: str | None, default: str) -> str:
    """Return a path on this host, never another host's (no open redirect)."""
    if not text or not text.startswith("/") or text.startswith(("//", "/\\")) or not text.isprintable() or "\\" in text:
        return default
    return text


def sign_in_first(request: Request, *, path: str = "/sign-in") -> HTTPException:
    """Return a redirect to the sign-in, which leads back here."""
    back_to = request.url.path if request.method == "GET" else "/"
    return HTTPException(303, headers={"Location": f"{path}?{urlencode({'back_to': back_to})}"})


def session_secret(request: Request) -> str:
    """Return the browser's session secret; empty if it has none."""
    config: Settings = request.app.state.provided[Settings]
    return request.cookies.get(config.session_cookie, "")


async def _form(request: Request, pages: Rendering) -> FormData:
    return await pages.form(request)


async def citizen_if_signed_in(request: Request, store: Db, seal: Sealing) -> Citizen | None:
    """Return the citizen signed in on this browser, or None."""
    session = await store.sessions.find(session_secret(request))
    if session is None or session.kind != "citizen":
        return None
    return Citizen(session, seal.open(session.content, Content))


async def _citizen(
    request: Request, citizen: Annotated[Citizen | None, Depends(citizen_if_signed_in)], store: Db, seal: Sealing, pages: Rendering
) -> Citizen:
    if citizen is not None:
        return citizen
    if request.method != "POST":
        raise sign_in_first(request)
    is_kept = await _keep_unsent(request, store, seal, pages)
    raise Problem(403, "Your session has ended.", type=SESSION_ENDED, is_kept=is_kept)


async def _keep_unsent(request: Request, store: Store, seal: Seal, pages: Pages) -> bool:
    """Keep the form, sealed, with this browser's ended session. Return false if there is none, or if the form is forged."""
    session = await store.sessions.find_or_ended(session_secret(request))
    if session is None or session.kind != "citizen":
        return False
    try:
        form = await pages.form(request)
    except ForgeryError:
        return False
    target = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    fields = tuple((name, value) for name, value in form.multi_items() if isinstance(value, str) and name != FORM_TOKEN)
    content = seal.open(session.content, Content)
    unsent = Unsent(target=target, fields=fields)
    await store.sessions.save(session.holding(seal.close(content.model_copy(update={"unsent": unsent}))))
    return True


async def _staff(request: Request, store: Db, seal: Sealing) -> Staff:
    session = await store.sessions.find(session_secret(request))
    if session is None:
        raise sign_in_first(request, path="/borough/sign-in")
    content = seal.open(session.content, Content)
    if session.kind != "staff" or content.borough is None:
        raise Problem(403, "Only staff of a borough can see this page. Sign out, and sign in with your account of the borough.")
    return Staff(content.borough, content.name)


def text_of(form: FormData, field: str) -> str:
    """Return a text field of a form, trimmed; empty if it is missing."""
    value = form.get(field)
    return value.strip() if isinstance(value, str) else ""


Form = Annotated[FormData, Depends(_form)]
SignedInCitizen = Annotated[Citizen, Depends(_citizen)]
SignedInStaff = Annotated[Staff, Depends(_staff)]
