"""Taking in a move: one transaction, by whichever surface it comes."""

from contracts.events.base import Event
from shared import clock
from shared.process import Process

from .domain.answers import Details
from .domain.move import Move
from .domain.reference import new_reference
from .events import MoveSubmitted
from .seal import Seal
from .store import Store, Told, Tx

OWN_CLIENT = "move_home"
"""Stands for this app's own pages where a program's client id would stand."""


async def submit(tx: Tx, seal: Seal, move: str, details: Details, *, subject: str, client: str) -> Told:
    """Keep the move, sealed, and set its journey going. Raises `Duplicate` where it was submitted before."""
    at = clock.now()
    told = Told(move, subject, client, seal.close(details), at, await _free_reference(tx))
    submitted: Event = MoveSubmitted(move=move, recipients=details.tell, text_wanted=details.phone is not None, submitted_at=at, sequence=1)
    await tx.moves.insert(told)
    await tx.publish(submitted)
    return told


async def progress_of(journey: Process[Move], store: Store, seal: Seal, told: Told) -> Move:
    """How far the move has got; at its very beginning where its journey has not been started yet."""
    progress = await journey.state(store, told.id)
    if progress is not None:
        return progress
    details = seal.open(told.details, Details)
    return Move.begun(told.id, details.tell, details.phone is not None, told.submitted_at)


async def _free_reference(tx: Tx) -> str:
    while await tx.moves.has_reference(reference := new_reference()):
        pass
    return reference
