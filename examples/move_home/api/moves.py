"""Submission of a move, its progress, and the record of the citizen's details."""

from dataclasses import dataclass
from datetime import datetime

import httpx
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from examples.move_home.domain.answers import Question
from examples.move_home.domain.move import Move
from examples.move_home.domain.record import line_of
from examples.move_home.domain.words import HEADINGS, TAGS, Outcome, next_steps, outcome_of, steps
from examples.move_home.store import SubmittedMove
from examples.move_home.submission import OWN_CLIENT, progress_of, submit
from shared.http import Problem, Router
from shared.mongo import Duplicate

from .dependencies import (
    Db,
    Form,
    Journeys,
    Rendering,
    Sealing,
    Sharing,
    SignedInCitizen,
    failure_as_page,
    see_other,
    text_of,
)
from .questions import Asked

router = Router(errors=failure_as_page, include_in_schema=False)

NO_MOVE = Problem(404, "You have no such move. It may be another person's, or the address may be wrong.", title="Page not found")
REFRESH_SECONDS = 3


@dataclass(frozen=True)
class Shown:
    """The view of a move."""

    id: str
    reference: str
    submitted_at: datetime
    outcome: Outcome
    is_complete: bool
    """Whether every step is over, messages included."""

    @classmethod
    def of(cls, submitted: SubmittedMove, progress: Move) -> "Shown":
        """Return the view of a move with this progress."""
        return cls(submitted.id, submitted.reference, submitted.submitted_at, outcome_of(progress), progress.completed_at is not None)


@router.get("/move/check")
async def check(asked: Asked) -> Response:
    """Show all answers before the submission."""
    open_question = asked.answers.next_question()
    return asked.page("check.html") if open_question is Question.CHECK else see_other(f"/move/{open_question}")


@router.post("/move/check")
async def send(asked: Asked, form: Form, store: Db, seal: Sealing) -> Response:
    """Submit the move whose id the form names: once, however often the citizen presses the button."""
    move, citizen = text_of(form, "move"), asked.citizen
    if await store.moves.owned(move, subject=citizen.subject):
        return see_other(f"/moves/{move}")
    if move != asked.answers.move or asked.answers.next_question() is not Question.CHECK:
        return see_other("/move")
    try:
        details = asked.answers.details(citizen.email)
    except ValidationError:
        return see_other("/move")
    try:
        async with store.transaction() as tx:
            await submit(tx, seal, move, details, subject=citizen.subject, client=OWN_CLIENT)
            await tx.sessions.save(citizen.answering(None, seal))
    except Duplicate:
        return see_other(f"/moves/{move}")
    return see_other(f"/moves/{move}")


@router.get("/moves")
async def own_moves(
    request: Request, citizen: SignedInCitizen, *, store: Db, seal: Sealing, journeys: Journeys, pages: Rendering
) -> Response:
    """List the citizen's moves."""
    moves = [
        Shown.of(submitted, await progress_of(journeys, store, seal, submitted)) for submitted in await store.moves.of(citizen.subject)
    ]
    return pages.render(request, "moves.html", moves=moves, tags=TAGS)


@router.get("/moves/{move}")
async def status(
    request: Request,
    move: str,
    *,
    citizen: SignedInCitizen,
    store: Db,
    seal: Sealing,
    journeys: Journeys,
    pages: Rendering,
    refresh: bool = True,
) -> Response:
    """Show the move's progress. The page reloads until the move is complete, unless the citizen turns that off (WCAG 2.2, 2.2.1)."""
    submitted = await store.moves.owned(move, subject=citizen.subject)
    if submitted is None:
        raise NO_MOVE
    progress = await progress_of(journeys, store, seal, submitted)
    renewing = REFRESH_SECONDS if refresh and progress.completed_at is None else None
    return pages.render(
        request,
        "status.html",
        move=Shown.of(submitted, progress),
        heading=HEADINGS[outcome_of(progress)],
        steps=steps(progress),
        next_steps=next_steps(progress),
        refresh=renewing,
    )


@router.get("/record")
async def who_saw_what(request: Request, citizen: SignedInCitizen, sharing: Sharing, pages: Rendering) -> Response:
    """Show who received or read the citizen's details, by the public record; an expired token is renewed first."""
    token = citizen.access_token
    try:
        entries = await sharing.record(token) if token else None
    except httpx.HTTPError:
        raise Problem(503, "We cannot show who saw your details at the moment.") from None
    if entries is None:
        return see_other("/sign-in?back_to=/record&silent=true")
    return pages.render(request, "record.html", lines=[line_of(entry) for entry in entries], wide=True)
