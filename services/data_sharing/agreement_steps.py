"""Saves a step of an agreement in the caller's transaction: its state, its entries in the record and its events."""

from datetime import datetime

from shared.events import new_id

from .domain.agreement import Agreement, Change
from .domain.record import changed
from .store import Tx


async def save_step(tx: Tx, change: Change, *, before: Agreement | None, by: str, at: datetime) -> None:
    """Save a step's changes; does nothing for a step without events. Raises `Conflict` if the agreement is no longer as `before`."""
    if not change.events:
        return
    after = change.agreement
    if before is None:
        await tx.agreements.add(after)
    else:
        await tx.agreements.save(after, was=before.revision)
    await tx.record.append(*(changed(new_id(), after, event, by=by, at=at) for event in change.events))
    await tx.publish(*change.events, borough=by)
