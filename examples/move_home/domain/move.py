"""Progress of a move: informed councils and sent messages. Ids and facts only, no personal data."""

import hmac
import secrets
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from .purposes import Recipient

_Model = TypeVar("_Model", bound=BaseModel)


class Progress(StrEnum):
    """State of a step. WAITING steps have not begun, RUNNING ones have; the other three are final."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether the step is over."""
        return self in {Progress.DONE, Progress.REFUSED, Progress.FAILED}


class Reason(StrEnum):
    """Why a council was not informed. All but the last are the last segments of data_sharing's problem types."""

    NOT_ACTIVE = "agreement-not-active"
    NOT_COVERED = "purpose-not-covered"
    NOT_A_PARTY = "recipient-not-a-party"
    NO_ITEM_ALLOWED = "no-item-allowed"
    NO_AGREEMENT = "no-agreement"
    NOT_ACCEPTED = "not-accepted"


class Telling(BaseModel):
    """One council to inform for one purpose."""

    model_config = ConfigDict(frozen=True)

    recipient: Recipient
    reference: str | None = None
    """Names the share to data_sharing; nobody else can guess it. None in older moves."""
    share: str | None = None
    """Data_sharing's id of the share, once known."""
    progress: Progress = Progress.RUNNING
    reason: Reason | None = None
    at: datetime | None = None


class Message(BaseModel):
    """One message to the citizen."""

    model_config = ConfigDict(frozen=True)

    channel: Literal["email", "sms"]
    reference: str | None = None
    """Names the message to notifications; nobody else can guess it. None in older moves."""
    progress: Progress = Progress.WAITING
    at: datetime | None = None


class Move(BaseModel):
    """The journey's state. Each change returns a new state; a late or repeated fact changes nothing."""

    model_config = ConfigDict(frozen=True)

    id: str
    submitted_at: datetime
    tellings: tuple[Telling, ...]
    messages: tuple[Message, ...]
    late: bool = False
    """Whether the move took longer than a day."""
    completed_at: datetime | None = None

    @classmethod
    def begun(cls, move: str, recipients: tuple[Recipient, ...], text_wanted: bool, at: datetime) -> "Move":
        """Return the state of a new move: every council's share is running, no message has begun."""
        channels: tuple[Literal["email", "sms"], ...] = ("email", "sms") if text_wanted else ("email",)
        return cls(
            id=move,
            submitted_at=at,
            tellings=tuple(Telling(recipient=recipient, reference=new_reference(move)) for recipient in dict.fromkeys(recipients)),
            messages=tuple(Message(channel=channel, reference=new_reference(move)) for channel in channels),
        )

    def told(self, recipient: Recipient, at: datetime, *, share: str | None) -> "Move":
        """Record that the council has the share in its inbox."""
        return self._settled(recipient, at, progress=Progress.DONE, share=share)

    def not_told(self, recipient: Recipient, because: Reason, at: datetime) -> "Move":
        """Record the refusal; the citizen's message and page explain it."""
        return self._settled(recipient, at, progress=Progress.REFUSED, reason=because)

    def sending(self) -> "Move":
        """Record that the messages are running."""
        started = tuple(_changed(m, progress=Progress.RUNNING) if m.progress is Progress.WAITING else m for m in self.messages)
        return _changed(self, messages=started)

    def message_ended(self, channel: str, progress: Progress, at: datetime) -> "Move":
        """Record that the message was delivered, or never will be."""
        ended = tuple(
            _changed(m, progress=progress, at=at) if m.channel == channel and not m.progress.is_final else m for m in self.messages
        )
        return _changed(self, messages=ended)

    def overdue(self) -> "Move":
        """Record that the move takes longer than a day."""
        return _changed(self, late=True)

    def completed(self, at: datetime) -> "Move":
        """Record that the move is complete."""
        return _changed(self, completed_at=at)

    @property
    def councils_settled(self) -> bool:
        """Whether each council's share was delivered or refused."""
        return all(telling.progress.is_final for telling in self.tellings)

    @property
    def messages_waiting(self) -> bool:
        """Whether no message has begun."""
        return any(message.progress is Progress.WAITING for message in self.messages)

    @property
    def settled(self) -> bool:
        """Whether every step is final."""
        return self.councils_settled and all(message.progress.is_final for message in self.messages)

    def count(self, progress: Progress) -> int:
        """Count the councils in this state."""
        return sum(telling.progress is progress for telling in self.tellings)

    def asked_to_share(self, recipient: Recipient, reference: str | None) -> bool:
        """Whether this app made the share: the reference is the one that it gave for the recipient."""
        return any(t.recipient == recipient and _same(t.reference or self.id, reference) for t in self.tellings)

    def asked_to_send(self, channel: str, reference: str | None) -> bool:
        """Whether this app sent the message: the reference is the one that it gave for the channel."""
        return any(m.channel == channel and _same(self.reference_of(m), reference) for m in self.messages)

    def reference_of(self, message: Message) -> str:
        """Return the message's reference at notifications."""
        return message.reference or f"{self.id}:{message.channel}"

    def _settled(self, recipient: Recipient, at: datetime, **how: object) -> "Move":
        tellings = tuple(_changed(t, at=at, **how) if t.recipient == recipient and not t.progress.is_final else t for t in self.tellings)
        return _changed(self, tellings=tellings)


def new_reference(move: str) -> str:
    """Return a reference that names the move and has 128 random bits, so nobody can forge an answer by guessing."""
    return f"{move}:{secrets.token_urlsafe(16)}"


def move_of(reference: str | None) -> str:
    """Return the move that a reference names; None for a reference of another form."""
    return (reference or "").partition(":")[0]


def _same(ours: str, theirs: str | None) -> bool:
    return hmac.compare_digest(ours.encode(), (theirs or "").encode())


def _changed(model: _Model, **update: object) -> _Model:
    return model.model_copy(update=update)
