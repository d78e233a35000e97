"""Events that any service may publish about its own working."""

from datetime import datetime

from .base import Event, Key

DEAD_LETTERS = "platform.dead_letters"


class MessageDeadLettered(Event, type="platform.message.dead_lettered", version=1, topic=DEAD_LETTERS):
    """A consumer has given up on a message; it is kept, can be mended and replayed, and somebody should look."""

    dead_letter: str = Key()
    service: str
    consumer: str
    message_type: str
    """CloudEvents type of the message; empty where it could not be read."""
    error: str
    """Kind of the error, without its text."""
    attempts: int
    dead_lettered_at: datetime
