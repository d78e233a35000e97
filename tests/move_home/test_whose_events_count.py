"""Only answers to the app's own requests move a journey: over the real broker, with forged events of others."""

from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.events.base import Event
from contracts.events.data_sharing import ShareDelivered
from contracts.events.notifications import Channel, NotificationDelivered, NotificationFailed
from examples.move_home.domain.move import Move, Progress
from shared.events import new_id

from .conftest import SERVICE, SHARES
from .test_api import MOVE, SCOPE

CAMDEN, HACKNEY = "E09000007", "E09000012"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = AT + timedelta(hours=1)


async def state_of(app: Any, move: str) -> Move:
    row = await app.store.collection("processes").find_one({"instance": move})
    assert row is not None, "the journey has not begun"
    return Move.model_validate(row["state"])


async def submitted(app: Any, tokens: Any, eventually: Any) -> Move:
    """Submit a move while every block is down."""
    body = {**MOVE, "tell": [{"borough": CAMDEN, "purpose": "council-tax"}], "phone": None}
    answer = await app.running.http.post("/api/moves", json=body, headers=tokens.bearer(SCOPE))
    assert answer.status_code == 201, answer.text
    move = answer.json()["id"]
    await eventually(lambda: state_of(app, move))
    return await state_of(app, move)


async def happens(app: Any, *events: Event) -> None:
    """Publish events in this order; consumers keep it per key."""
    async with app.store.transaction() as tx:
        await tx.publish(*(event.model_copy(update={"sequence": number}) for number, event in enumerate(events, 1)))


def shared(move: Move, **over: Any) -> ShareDelivered:
    facts = {
        "share": "s",
        "agreement": "a",
        "purpose": "council-tax",
        "recipient": CAMDEN,
        "sender": HACKNEY,
        "client": SHARES,
        "reference": move.tellings[0].reference,
        "delivered_at": AT,
    }
    return ShareDelivered.model_validate(facts | over)


async def test_a_share_of_another_borough_client_or_reference_moves_nobody(app, tokens, eventually):
    move = await submitted(app, tokens, eventually)
    forged = [
        shared(move, sender=CAMDEN),
        shared(move, client="another-client-of-hackney"),
        shared(move, sender=None, client=None),
        shared(move, reference=move.id),
        shared(move, reference=f"{move.id}:guessed"),
        shared(move, recipient=HACKNEY),
    ]
    await happens(app, *forged, shared(move, delivered_at=LATER))

    async def settled() -> bool:
        return (await state_of(app, move.id)).councils_settled

    await eventually(settled)
    (telling,) = (await state_of(app, move.id)).tellings
    assert (telling.progress, telling.at, telling.share) == (Progress.DONE, LATER, "s"), "one of the forged events was believed"


async def test_a_message_of_another_service_or_reference_moves_nobody(app, tokens, eventually):
    move = await submitted(app, tokens, eventually)
    await happens(app, shared(move))

    async def written() -> bool:
        return (await state_of(app, move.id)).messages[0].progress is Progress.RUNNING

    await eventually(written)
    notification, reference = new_id(), move.messages[0].reference
    fact = {"notification": notification, "service": SERVICE, "channel": Channel.EMAIL, "reference": reference}
    failed = {**fact, "status": "permanent-failure", "failed_at": AT}
    forged = [
        NotificationFailed.model_validate(failed | {"service": new_id()}),
        NotificationFailed.model_validate(failed | {"reference": f"{move.id}:email"}),
        NotificationFailed.model_validate(failed | {"channel": Channel.SMS}),
    ]
    await happens(app, *forged, NotificationDelivered.model_validate(fact | {"delivered_at": LATER}))

    async def complete() -> bool:
        return (await state_of(app, move.id)).completed_at is not None

    await eventually(complete)
    (message,) = (await state_of(app, move.id)).messages
    assert (message.progress, message.at) == (Progress.DONE, LATER), "one of the forged events was believed"
