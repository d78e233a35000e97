"""Submission of a move: one transaction, whether the pages or the API receive it."""

from contracts.events.base import Event
from shared import clock
from shared.process import Process

from .domain.answers import Details
from .domain.move import Move
from .domain.reference import new_reference
from .events import MoveSubmitted
from .seal import Seal
from .store import Store, SubmittedMove, Tx

OWN_CLIENT = "move_home"
"""The client id of moves that this app's own pages submit."""


async def submit(tx: Tx, seal: Seal, move: str, details: Details, *, subject: str, client: str) -> SubmittedMove:
    """Store the move, sealed, and start its journey. Raises `Duplicate` for a move that is already stored."""
    at = clock.now()
    stored = SubmittedMove(move, subject, client, seal.close(details), at, await _free_reference(tx))
    submitted: Event = MoveSubmitted(move=move, recipients=details.tell, text_wanted=details.phone is not None, submitted_at=at, sequence=1)
    await tx.moves.insert(stored)
    await tx.publish(submitted)
    return stored


async def progress_of(journey: Process[Move], store: Store, seal: Seal, stored: SubmittedMove) -> Move:
    """Return the move's progress; its initial state until its journey has started."""
    progress = await journey.state(store, stored.id)
    if progress is not None:
        return progress
    details = seal.open(stored.details, Details)
    return Move.begun(stored.id, details.tell, details.phone is not None, stored.submitted_at)


async def _free_reference(tx: Tx) -> str:
    while await tx.moves.has_reference(reference := new_reference()):
        pass
    return reference
