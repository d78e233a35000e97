"""The app's API for programs: a borough's own system submits a move on a citizen's behalf and follows it."""

from datetime import datetime
from typing import Annotated

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field

from examples.move_home.domain.answers import Details
from examples.move_home.domain.move import Move
from examples.move_home.domain.words import Outcome, Step, outcome_of, steps
from examples.move_home.store import SubmittedMove
from examples.move_home.submission import progress_of, submit
from shared.auth import Caller, require
from shared.events import new_id
from shared.http import Problem, Router

from .dependencies import Config, Db, Journeys, Sealing

router = Router(tags=["moves"])

MoveTeller = Annotated[Caller, require("move_home:move:create")]


class NewMove(Details):
    """A move to submit. `subject` is the citizen's pseudonym if a program acts for them; a citizen's own token names its own."""

    subject: Annotated[str, Field(max_length=200, pattern=r"^[!-~]+$")] | None = None


class MoveStatus(BaseModel):
    """The progress of a move."""

    model_config = ConfigDict(frozen=True)

    id: str
    reference: str
    """The reference that a person reads out."""
    status: str
    """`in progress` or `complete`."""
    outcome: Outcome
    """Which councils were informed: `complete` alone does not mean that any was."""
    submitted_at: datetime
    completed_at: datetime | None
    late: bool
    """Whether the move took longer than a day."""
    steps: list[Step]


@router.post("/api/moves", status_code=201)
async def tell(
    move: NewMove, response: Response, *, caller: MoveTeller, store: Db, seal: Sealing, journeys: Journeys, config: Config
) -> MoveStatus:
    """Submit a move. With an `Idempotency-Key`, any number of repeated requests make one move."""
    _check(caller, config.borough)
    acts_for_itself = caller.subject == caller.client_id
    if move.subject is not None and not acts_for_itself and move.subject != caller.subject:
        raise Problem(403, "A citizen's token can tell of that citizen's moves only.", type="another-subject", field="body.subject")
    details = Details.model_validate(move.model_dump(exclude={"subject"}))
    async with store.transaction() as tx:
        submitted = await submit(tx, seal, new_id(), details, subject=move.subject or caller.subject, client=caller.client_id)
    response.headers["Location"] = f"/api/moves/{submitted.id}"
    return _status(submitted, await progress_of(journeys, store, seal, submitted))


@router.get("/api/moves/{move}")
async def follow(move: str, caller: MoveTeller, *, store: Db, seal: Sealing, journeys: Journeys, config: Config) -> MoveStatus:
    """Return the steps of a move that the same client submitted, or of the citizen's own."""
    _check(caller, config.borough)
    submitted = await store.moves.get(move)
    if submitted is None or caller.client_id != submitted.client or (caller.subject not in (caller.client_id, submitted.subject)):
        raise Problem(404, "You have no such move.", type="not-found")
    return _status(submitted, await progress_of(journeys, store, seal, submitted))


def _check(caller: Caller, borough: str) -> None:
    """Refuse other boroughs' programs: this app works for one borough."""
    if caller.own_borough != borough:
        raise Problem(403, "This service is another borough's.", type="another-borough")


def _status(submitted: SubmittedMove, progress: Move) -> MoveStatus:
    return MoveStatus(
        id=progress.id,
        reference=submitted.reference,
        status="complete" if progress.completed_at else "in progress",
        outcome=outcome_of(progress),
        submitted_at=progress.submitted_at,
        completed_at=progress.completed_at,
        late=progress.late,
        steps=steps(progress),
    )
