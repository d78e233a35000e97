"""How far a move has got: whom we have told and which messages went out. Ids and facts only, nothing about the person."""

from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from .purposes import Recipient

_Model = TypeVar("_Model", bound=BaseModel)


class Progress(StrEnum):
    """How one step stands. WAITING steps have not begun, RUNNING ones have; the other three are final."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen."""
        return self in {Progress.DONE, Progress.REFUSED, Progress.FAILED}


class Reason(StrEnum):
    """Why a council was not told; the first four are the ends of data_sharing's problem types."""

    NOT_ACTIVE = "agreement-not-active"
    NOT_COVERED = "purpose-not-covered"
    NOT_A_PARTY = "recipient-not-a-party"
    NO_ITEM_ALLOWED = "no-item-allowed"
    NO_AGREEMENT = "no-agreement"
    NOT_ACCEPTED = "not-accepted"


class Telling(BaseModel):
    """One council told for one purpose."""

    model_config = ConfigDict(frozen=True)

    recipient: Recipient
    progress: Progress = Progress.RUNNING
    reason: Reason | None = None
    at: datetime | None = None


class Message(BaseModel):
    """One message to the citizen."""

    model_config = ConfigDict(frozen=True)

    channel: Literal["email", "sms"]
    progress: Progress = Progress.WAITING
    at: datetime | None = None


class Move(BaseModel):
    """The journey's state. Each change returns a new one, and a late or repeated fact changes nothing."""

    model_config = ConfigDict(frozen=True)

    id: str
    submitted_at: datetime
    tellings: tuple[Telling, ...]
    messages: tuple[Message, ...]
    late: bool = False
    """Whether something took longer than a day."""
    completed_at: datetime | None = None

    @classmethod
    def begun(cls, move: str, recipients: tuple[Recipient, ...], text_wanted: bool, at: datetime) -> "Move":
        """A move just submitted: every council is being told, no message has gone out."""
        channels: tuple[Literal["email", "sms"], ...] = ("email", "sms") if text_wanted else ("email",)
        return cls(
            id=move,
            submitted_at=at,
            tellings=tuple(Telling(recipient=recipient) for recipient in dict.fromkeys(recipients)),
            messages=tuple(Message(channel=channel) for channel in channels),
        )

    def told(self, recipient: Recipient, at: datetime) -> "Move":
        """The council has it in its inbox."""
        return self._settled(recipient, Progress.DONE, None, at)

    def not_told(self, recipient: Recipient, because: Reason, at: datetime) -> "Move":
        """The council must not be told; the citizen will hear of it."""
        return self._settled(recipient, Progress.REFUSED, because, at)

    def sending(self) -> "Move":
        """The messages are on their way."""
        started = tuple(_changed(m, progress=Progress.RUNNING) if m.progress is Progress.WAITING else m for m in self.messages)
        return _changed(self, messages=started)

    def message_ended(self, channel: str, progress: Progress, at: datetime) -> "Move":
        """The message was delivered, or never will be."""
        ended = tuple(
            _changed(m, progress=progress, at=at) if m.channel == channel and not m.progress.is_final else m for m in self.messages
        )
        return _changed(self, messages=ended)

    def overdue(self) -> "Move":
        """It takes longer than a citizen may expect."""
        return _changed(self, late=True)

    def completed(self, at: datetime) -> "Move":
        """Nothing is left to do."""
        return _changed(self, completed_at=at)

    @property
    def councils_settled(self) -> bool:
        """Whether each council was told or refused."""
        return all(telling.progress.is_final for telling in self.tellings)

    @property
    def messages_waiting(self) -> bool:
        """Whether no message has been started yet."""
        return any(message.progress is Progress.WAITING for message in self.messages)

    @property
    def settled(self) -> bool:
        """Whether every step is final."""
        return self.councils_settled and all(message.progress.is_final for message in self.messages)

    def count(self, progress: Progress) -> int:
        """How many tellings stand so."""
        return sum(telling.progress is progress for telling in self.tellings)

    def _settled(self, recipient: Recipient, progress: Progress, reason: Reason | None, at: datetime) -> "Move":
        tellings = tuple(
            _changed(t, progress=progress, reason=reason, at=at) if t.recipient == recipient and not t.progress.is_final else t
            for t in self.tellings
        )
        return _changed(self, tellings=tellings)


def _changed(model: _Model, **update: object) -> _Model:
    return model.model_copy(update=update)
