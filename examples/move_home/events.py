"""The app's own events: what it publishes about a move, and what its process learns from the services' answers.

None says who moves or where. The key of all is the move's id.
"""

from datetime import datetime

from contracts.events.base import Event, Key
from contracts.events.notifications import Channel
from shared.bus import EventRouter

from .domain.purposes import Recipient

MOVES = "move_home.moves"


class MoveSubmitted(Event, type="move_home.move.submitted", version=1, topic=MOVES):
    """A citizen has told us of a move and whom to tell."""

    move: str = Key()
    recipients: tuple[Recipient, ...]
    text_wanted: bool
    submitted_at: datetime


class CouncilTold(Event, type="move_home.council.told", version=1, topic=MOVES):
    """A council was told, learnt by asking: data_sharing's own event has not come."""

    move: str = Key()
    recipient: str
    """GSS code."""
    purpose: str
    share: str | None = None
    """Data_sharing's id of the share, where it gave one."""
    told_at: datetime


class CouncilNotTold(Event, type="move_home.council.not_told", version=1, topic=MOVES):
    """A council was not told, for good."""

    move: str = Key()
    recipient: str
    """GSS code."""
    purpose: str
    reason: str
    """A code of `domain.move.Reason`."""
    refused_at: datetime


class MessageFound(Event, type="move_home.message.found", version=1, topic=MOVES):
    """How a message ended, learnt by asking: it was never taken, or its event did not come."""

    move: str = Key()
    channel: Channel
    delivered: bool
    found_at: datetime


class MoveDelayed(Event, type="move_home.move.delayed", version=1, topic=MOVES):
    """A move is not complete after a day: somebody should look."""

    move: str = Key()
    councils_open: int
    messages_open: int
    noticed_at: datetime


class MoveCompleted(Event, type="move_home.move.completed", version=1, topic=MOVES):
    """Every council was told or refused, and every message delivered or given up."""

    move: str = Key()
    told: int
    refused: int
    completed_at: datetime


router = EventRouter("move_home")
"""What the app publishes. `journey` has what it consumes."""
router.publishes(MoveSubmitted, MoveDelayed, MoveCompleted)
