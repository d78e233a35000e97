"""Sending a move off, how far it has got, and who has seen the citizen's details."""

from datetime import datetime

import httpx
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from examples.move_home.domain.answers import Question
from examples.move_home.domain.boroughs import council_name
from examples.move_home.domain.move import Move
from examples.move_home.domain.purposes import ITEMS, PURPOSES
from examples.move_home.domain.words import steps
from examples.move_home.submission import OWN_CLIENT, progress_of, submit
from shared.http import Problem, Router
from shared.mongo import Duplicate

from .dependencies import (
    Db,
    Form,
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


@router.get("/move/check")
async def check(asked: Asked) -> Response:
    """Show all answers before they are sent."""
    open_question = asked.answers.next_question()
    return asked.page("check.html") if open_question is Question.CHECK else see_other(f"/move/{open_question}")


@router.post("/move/check")
async def send(asked: Asked, form: Form, store: Db, seal: Sealing) -> Response:
    """Submit the move whose id the form names: once, however often the button is pressed."""
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
async def own_moves(request: Request, citizen: SignedInCitizen, store: Db, seal: Sealing, pages: Rendering) -> Response:
    """The citizen's moves."""
    moves: list[Move] = [await progress_of(store, seal, told) for told in await store.moves.of(citizen.subject)]
    return pages.render(request, "moves.html", moves=moves)


@router.get("/moves/{move}")
async def status(
    request: Request, move: str, *, citizen: SignedInCitizen, store: Db, seal: Sealing, pages: Rendering, refresh: bool = True
) -> Response:
    """How far the move has got. Renews itself until it is complete, unless the citizen turns that off (WCAG 2.2, 2.2.1)."""
    told = await store.moves.owned(move, subject=citizen.subject)
    if told is None:
        raise NO_MOVE
    progress = await progress_of(store, seal, told)
    renewing = REFRESH_SECONDS if refresh and progress.completed_at is None else None
    return pages.render(request, "status.html", move=progress, steps=steps(progress), refresh=renewing)


@router.get("/record")
async def who_saw_what(request: Request, citizen: SignedInCitizen, sharing: Sharing, pages: Rendering) -> Response:
    """Who has received or read the citizen's details, by the public record; with a fresh token where the last one has expired."""
    token = citizen.access_token
    try:
        entries = await sharing.record(token) if token else None
    except httpx.HTTPError:
        raise Problem(503, "We cannot show who saw your details at the moment.") from None
    if entries is None:
        return see_other("/sign-in?back_to=/record&silent=true")
    return pages.render(request, "record.html", entries=[_readable(entry) for entry in entries], item_names=ITEMS, wide=True)


def _readable(entry: dict[str, object]) -> dict[str, object]:
    """A record's entry with a real date, and names where it has codes."""
    purpose = str(entry["purpose"] or "")
    return entry | {
        "at": datetime.fromisoformat(str(entry["at"])),
        "by": council_name(str(entry["by"])),
        "recipient": council_name(str(entry["recipient"] or "")),
        "purpose": PURPOSES[purpose].name if purpose in PURPOSES else purpose,
    }
