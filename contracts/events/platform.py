"""Events that any service may publish about its own working.

Each stays small: names from outside are cut, so that the broker never refuses an announcement for its size.
"""

import hashlib
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator

from .base import Event, Key, Order

DEAD_LETTERS = "platform.dead_letters"
LONGEST_NAME = 200


def _cut(text: object) -> object:
    """A text of at most `LONGEST_NAME` bytes: a longer one keeps its beginning and ends with a digest, so that two stay two."""
    if not isinstance(text, str) or len(text.encode(errors="replace")) <= LONGEST_NAME:
        return text
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:32]
    return f"{text.encode(errors='replace')[: LONGEST_NAME - 33].decode(errors='ignore')}~{digest}"


Name = Annotated[str, BeforeValidator(_cut)]


class MessageDeadLettered(Event, type="platform.message.dead_lettered", version=1, topic=DEAD_LETTERS, order=Order.COUNTER):
    """A consumer has given up on a message. An operator should look: the message can be mended and replayed."""

    dead_letter: Name = Key()
    service: str
    consumer: Name
    message_type: Name
    """CloudEvents type of the message; empty if unreadable."""
    error: Name
    """Kind of the error, without its text."""
    attempts: int
    dead_lettered_at: datetime


class MessageUnsent(Event, type="platform.message.unsent", version=1, topic=DEAD_LETTERS, order=Order.COUNTER):
    """The broker refuses an event for good. It is set aside with the later events of its key; an operator should look."""

    message: Name = Key()
    """Id of the refused event."""
    service: str
    destination: Name
    """The topic."""
    message_type: Name
    """CloudEvents type of the event."""
    error: Name
    """Kind of the refusal, without its text."""
    whole_topic: bool
    """Whether the broker refuses every event for this topic, and not this one alone."""
    unsent_at: datetime
