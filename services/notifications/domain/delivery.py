"""The consequence of a provider's answer, and the time of the next attempt."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from random import Random

from shared.retry import pause

from .notifications import Status

FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE = timedelta(minutes=10)
GIVE_UP_AFTER = timedelta(hours=4)
"""Time from the acceptance of a message until the last attempt."""


class Answer(Enum):
    """A provider's answer."""

    TAKEN = "taken"
    REFUSED = "refused"
    """Permanent: the provider will never accept this recipient or message."""
    NOT_NOW = "not now"
    """Temporary: the provider is busy, slow or unreachable, or its answer is unintelligible."""
    UNDELIVERED = "undelivered"
    """Accepted, and then reported undeliverable for the time being (a full mailbox, a handset that is off)."""


@dataclass(frozen=True)
class Ended:
    """The message has ended."""

    status: Status


@dataclass(frozen=True)
class TryAgain:
    """The next attempt is due."""

    due: datetime


def next_step(answer: Answer, *, attempt: int, since: datetime, at: datetime, random: Random) -> Ended | TryAgain:
    """Return the consequence of an answer to the `attempt`th attempt (from 1) at a message accepted at `since`."""
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
"""Answers to recipients of a test key; all others count as delivered."""


def simulated_answer(recipient: str) -> Answer:
    """Return the simulated answer to a message of a test key."""
    return SIMULATED_ANSWERS.get(recipient, Answer.TAKEN)
