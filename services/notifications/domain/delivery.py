"""What follows from a provider's answer, and when the next attempt is due."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from random import Random

from shared.retry import pause

from .notifications import Status

FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE = timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(hours=4)
"""Counts from the acceptance of the message."""


class Answer(Enum):
    """What the provider said."""

    TAKEN = "taken"
    REFUSED = "refused"
    """For good: this recipient or message will never be taken."""
    NOT_NOW = "not now"
    """Busy, slow, unreachable, or it could not be understood."""
    UNDELIVERED = "undelivered"
    """Taken, and then reported undeliverable for the time being (a full mailbox, a handset that is off)."""


@dataclass(frozen=True)
class Ended:
    """The message has come to its end."""

    status: Status


@dataclass(frozen=True)
class TryAgain:
    """The next attempt is due."""

    due: datetime


def after(answer: Answer, *, attempt: int, since: datetime, at: datetime, random: Random) -> Ended | TryAgain:
    """What follows from an answer to the `attempt`th attempt (from 1) at a message accepted at `since`."""
    if answer is Answer.TAKEN:
        return Ended(Status.DELIVERED)
    if answer is Answer.REFUSED:
        return Ended(Status.PERMANENT_FAILURE)
    if answer is Answer.UNDELIVERED:
        return Ended(Status.TEMPORARY_FAILURE)
    due = at + timedelta(seconds=pause(attempt, first=FIRST_PAUSE_SECONDS, longest=LONGEST_PAUSE.total_seconds(), source=random))
    return TryAgain(due) if due < since + GIVE_UP_AFTER else Ended(Status.TECHNICAL_FAILURE)


SIMULATED_ANSWERS = {
    "447700900003": Answer.UNDELIVERED,
    "447700900002": Answer.REFUSED,
    "temp-fail@simulator.notify": Answer.UNDELIVERED,
    "perm-fail@simulator.notify": Answer.REFUSED,
}
"""With a test key; every other recipient is delivered to."""


def simulated(recipient: str) -> Answer:
    """What becomes of a message sent with a test key."""
    return SIMULATED_ANSWERS.get(recipient, Answer.TAKEN)
