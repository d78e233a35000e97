"""What a handover to a provider comes to, and when to try again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from random import Random

from .notifications import Status

FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(hours=4)
"""In all, from the first handover that could have been made."""


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
    """The message is handed over again at `due`."""

    due: datetime


def after(answer: Answer, *, attempt: int, since: datetime, at: datetime, random: Random) -> Ended | TryAgain:
    """What follows from an answer to the `attempt`th handover (from 1) of a message accepted at `since`."""
    if answer is Answer.TAKEN:
        return Ended(Status.DELIVERED)
    if answer is Answer.REFUSED:
        return Ended(Status.PERMANENT_FAILURE)
    if answer is Answer.UNDELIVERED:
        return Ended(Status.TEMPORARY_FAILURE)
    due = at + pause(attempt, random)
    return TryAgain(due) if due < since + GIVE_UP_AFTER else Ended(Status.TECHNICAL_FAILURE)


def pause(attempt: int, random: Random) -> timedelta:
    """The wait after the `attempt`th handover: doubling, up to a fifth longer or shorter so that retries spread out."""
    doubled = FIRST_PAUSE.total_seconds() * 2.0 ** min(attempt - 1, 20)
    return timedelta(seconds=min(doubled, LONGEST_PAUSE.total_seconds()) * random.uniform(0.8, 1.2))


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
