"""What a move asks of the blocks: carried out over their public APIs, each safe to repeat."""

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
from .store import Store

UNDER_WAY = {"created", "sending", "pending"}


class Errands:
    """Carries out the journey's commands. An exception means: try again later."""

    def __init__(
        self, store: Store, seal: Seal, data_sharing: DataSharing, notifications: Notifications, *, borough: str, public_url: str
    ) -> None:
        self._store, self._seal = store, seal
        self._data_sharing, self._notifications = data_sharing, notifications
        self._borough, self._public_url = borough, public_url

    async def share(self, move: str, recipient: Recipient, *, key: str) -> CouncilTold | CouncilNotTold:
        """Tell one council, under the agreement that binds it and the borough that runs this app. Asked again, it is the same share."""
        told, details = await self._details(move)
        agreement = await self._data_sharing.agreement(_parties(self._borough, recipient.borough, details), recipient.purpose)
        if agreement is None:
            return _refusal(move, recipient, Reason.NO_AGREEMENT)
        outcome = await self._data_sharing.share(
            agreement,
            recipient.purpose,
            recipient.borough,
            subject=told,
            reference=move,
            items=details.items(recipient.purpose),
            key=key,
        )
        if isinstance(outcome, Refused):
            return _refusal(move, recipient, outcome.reason)
        return CouncilTold(move=move, recipient=recipient.borough, purpose=recipient.purpose, told_at=clock.now())

    async def send(self, channel: MessageChannel, move: Move, *, key: str) -> MessageFound | None:
        """Send the citizen one message about what the councils were told."""
        _, details = await self._details(move.id)
        to = details.email if channel == "email" else details.phone
        taken = False
        if to is not None:
            values = personalisation(channel, details, move, f"{self._public_url}/moves/{move.id}")
            taken = await self._notifications.send(channel, to, values, reference=reference_of(move.id, channel), key=key)
        return None if taken else MessageFound(move=move.id, channel=Channel(channel), delivered=False, found_at=clock.now())

    async def ask_after(self, channel: MessageChannel, move: str) -> MessageFound | None:
        """What became of a message; None while it is under way."""
        status = await self._notifications.status(channel, reference_of(move, channel))
        if status in UNDER_WAY:
            return None
        return MessageFound(move=move, channel=Channel(channel), delivered=status == "delivered", found_at=clock.now())

    async def _details(self, move: str) -> tuple[str, Details]:
        told = await self._store.moves.get(move)
        if told is None:
            raise LookupError(f"move {move} is not in the database")
        return told.subject, self._seal.open(told.details, Details)


def reference_of(move: str, channel: str) -> str:
    """The reference of a move's message, by which its fate comes back."""
    return f"{move}:{channel}"


def move_of(reference: str | None) -> str:
    """The move that a message's reference names; nothing of ours where it has another form."""
    return (reference or "").partition(":")[0]


def _parties(own: str, recipient: str, details: Details) -> tuple[str, ...]:
    """The boroughs that the agreement must bind: our own and the recipient, or, when that is us, the other council of the move."""
    if recipient != own:
        return (own, recipient)
    councils = (details.old_address.borough, details.new_address.borough)
    return tuple(dict.fromkeys((own, *(council for council in councils if council))))


def _refusal(move: str, recipient: Recipient, reason: Reason) -> CouncilNotTold:
    return CouncilNotTold(move=move, recipient=recipient.borough, purpose=recipient.purpose, reason=reason.value, refused_at=clock.now())
