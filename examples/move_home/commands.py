"""Carries out a move's commands over the blocks' public APIs. Each is safe to repeat."""

from contracts.events.notifications import Channel
from shared import clock

from .adapters.data_sharing import DataSharing, Refused
from .adapters.notifications import Channel as MessageChannel
from .adapters.notifications import Notifications
from .domain.answers import Details
from .domain.move import Move, Reason
from .domain.purposes import Recipient
from .events import CouncilNotTold, CouncilTold, MessageFound
from .messages import personalisation
from .seal import Seal
from .store import Store, SubmittedMove

UNDER_WAY = {"created", "sending", "pending"}


class MoveCommands:
    """The journey's commands. An exception means: try again later."""

    def __init__(
        self, store: Store, seal: Seal, data_sharing: DataSharing, notifications: Notifications, *, borough: str, public_url: str
    ) -> None:
        self._store, self._seal = store, seal
        self._data_sharing, self._notifications = data_sharing, notifications
        self._borough, self._public_url = borough, public_url

    async def share(self, move: str, recipient: Recipient, reference: str | None, *, key: str) -> CouncilTold | CouncilNotTold:
        """Asks data_sharing to share with one council, which decides and records a refusal. A repeat is the same share."""
        told, details = await self._details(move)
        outcome = await self._data_sharing.share(
            recipient.purpose,
            recipient.borough,
            parties=_parties(self._borough, recipient.borough, details),
            subject=told.subject,
            reference=reference or move,
            items=details.items(recipient.purpose),
            key=key,
        )
        if isinstance(outcome, Refused):
            return _refusal(move, recipient, outcome.reason)
        return CouncilTold(move=move, recipient=recipient.borough, purpose=recipient.purpose, share=outcome.share, told_at=clock.now())

    async def send(self, channel: MessageChannel, move: Move, *, key: str) -> MessageFound | None:
        """Sends the citizen one message that names the councils with the new address."""
        told, details = await self._details(move.id)
        to = details.email if channel == "email" else details.phone
        taken = False
        if to is not None:
            values = personalisation(channel, details, move, reference=told.reference, page=f"{self._public_url}/moves/{move.id}")
            message = next(message for message in move.messages if message.channel == channel)
            taken = await self._notifications.send(channel, to, values, reference=move.reference_of(message), key=key)
        return None if taken else MessageFound(move=move.id, channel=Channel(channel), delivered=False, found_at=clock.now())

    async def poll(self, channel: MessageChannel, move: str, reference: str) -> MessageFound | None:
        """Asks notifications for the outcome of a message; None while it is under way."""
        status = await self._notifications.status(channel, reference)
        if status in UNDER_WAY:
            return None
        return MessageFound(move=move, channel=Channel(channel), delivered=status == "delivered", found_at=clock.now())

    async def _details(self, move: str) -> tuple[SubmittedMove, Details]:
        told = await self._store.moves.get(move)
        if told is None:
            raise LookupError(f"move {move} is not in the database")
        return told, self._seal.open(told.details, Details)


def _parties(own: str, recipient: str, details: Details) -> tuple[str, ...]:
    """Boroughs that the agreement must bind beside our own and the recipient: where that is us, the councils of the move."""
    councils = (details.old_address.borough, details.new_address.borough) if recipient == own else ()
    return tuple(dict.fromkeys(council for council in councils if council and council != own))


def _refusal(move: str, recipient: Recipient, reason: Reason) -> CouncilNotTold:
    return CouncilNotTold(move=move, recipient=recipient.borough, purpose=recipient.purpose, reason=reason.value, refused_at=clock.now())
