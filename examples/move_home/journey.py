"""The journey of a move: tell the councils, then tell the citizen. A table of pure steps; errands.py carries out what they call for."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from contracts.events.data_sharing import ShareDelivered
from contracts.events.notifications import NotificationDelivered, NotificationFailed
from shared import clock
from shared.process import CommandContext, Next, Process

from .domain.move import Move, Progress, Reason
from .domain.purposes import Recipient
from .errands import Errands, move_of
from .events import CouncilNotTold, CouncilTold, MessageFound, MoveCompleted, MoveDelayed, MoveSubmitted

journey = Process("move_home", Move)


class Share(BaseModel):
    """Tell one council."""

    model_config = ConfigDict(frozen=True)

    move: str
    recipient: Recipient


class Send(BaseModel):
    """Tell the citizen how it went."""

    model_config = ConfigDict(frozen=True)

    channel: Literal["email", "sms"]
    move: Move


class AskAfterShare(BaseModel):
    """Tell a council again that we have heard nothing of; for data_sharing the same reference is the same share."""

    model_config = ConfigDict(frozen=True)

    move: str
    recipient: Recipient


class AskAfterMessage(BaseModel):
    """Ask notifications what became of a message that we have heard nothing of."""

    model_config = ConfigDict(frozen=True)

    channel: Literal["email", "sms"]
    move: str


# ---------------------------------------------------------------- the table


@journey.starts(MoveSubmitted)
def begin(event: MoveSubmitted) -> Next[Move]:
    """Tell every council at once."""
    move = Move.begun(event.move, event.recipients, event.text_wanted, event.submitted_at)
    return Next(move, *(Share(move=move.id, recipient=telling.recipient) for telling in move.tellings))


@journey.on(ShareDelivered, finds=lambda event: event.reference)
def told(move: Move, event: ShareDelivered) -> Next[Move]:
    """A council has it."""
    return _onwards(move.told(Recipient(borough=event.recipient, purpose=event.purpose), event.delivered_at), event.delivered_at)


@journey.on(CouncilTold, finds=lambda event: event.move)
def told_after_all(move: Move, event: CouncilTold) -> Next[Move]:
    """A council has it, although no event has said so."""
    return _onwards(move.told(Recipient(borough=event.recipient, purpose=event.purpose), event.told_at), event.told_at)


@journey.on(CouncilNotTold, finds=lambda event: event.move)
def refused(move: Move, event: CouncilNotTold) -> Next[Move]:
    """A council must not be told: that is recorded, and the citizen hears what to do instead."""
    recipient = Recipient(borough=event.recipient, purpose=event.purpose)
    return _onwards(move.not_told(recipient, Reason(event.reason), event.refused_at), event.refused_at)


@journey.on(NotificationDelivered, finds=lambda event: move_of(event.reference))
def delivered(move: Move, event: NotificationDelivered) -> Next[Move]:
    """A message has reached the citizen."""
    return _onwards(move.message_ended(event.channel.value, Progress.DONE, event.delivered_at), event.delivered_at)


@journey.on(NotificationFailed, finds=lambda event: move_of(event.reference))
def undelivered(move: Move, event: NotificationFailed) -> Next[Move]:
    """A message will not reach the citizen; the page says everything it would have said."""
    return _onwards(move.message_ended(event.channel.value, Progress.FAILED, event.failed_at), event.failed_at)


@journey.on(MessageFound, finds=lambda event: event.move)
def found(move: Move, event: MessageFound) -> Next[Move]:
    """A message was never taken, or we asked what became of it."""
    return _onwards(
        move.message_ended(event.channel.value, Progress.DONE if event.delivered else Progress.FAILED, event.found_at), event.found_at
    )


@journey.overdue(hours=24)
def chase(move: Move) -> Next[Move]:
    """A day has passed: say so to the citizen and to whoever watches, and ask after everything that we have heard nothing of."""
    councils = [telling.recipient for telling in move.tellings if not telling.progress.is_final]
    channels = [message.channel for message in move.messages if message.progress is Progress.RUNNING]
    return Next(
        move.overdue(),
        MoveDelayed(move=move.id, councils_open=len(councils), messages_open=len(channels), noticed_at=clock.now()),
        *(AskAfterShare(move=move.id, recipient=recipient) for recipient in councils),
        *(AskAfterMessage(move=move.id, channel=channel) for channel in channels),
    )


def _onwards(move: Move, at: datetime) -> Next[Move]:
    """Write to the citizen once every council is settled; complete the move once every message is."""
    if move.councils_settled and move.messages_waiting:
        sending = move.sending()
        return Next(sending, *(Send(channel=message.channel, move=sending) for message in sending.messages))
    if move.settled and move.completed_at is None:
        done = move.completed(at)
        totals = {"told": done.count(Progress.DONE), "refused": done.count(Progress.REFUSED)}
        return Next(done, MoveCompleted(move=done.id, completed_at=at, **totals), ended=True)
    return Next(move)


# ---------------------------------------------------------------- how commands are carried out


@journey.does(Share)
async def share(command: Share, context: CommandContext) -> CouncilNotTold | None:
    """A refusal is final at once; ShareDelivered says when the council has it."""
    outcome = await context.tool(Errands).share(command.move, command.recipient, key=context.command_id)
    return outcome if isinstance(outcome, CouncilNotTold) else None


@journey.does(AskAfterShare)
async def ask_after_share(command: AskAfterShare, context: CommandContext) -> CouncilTold | CouncilNotTold:
    """Stands in for an event that never came."""
    return await context.tool(Errands).share(command.move, command.recipient, key=context.command_id)


@journey.does(Send)
async def send(command: Send, context: CommandContext) -> MessageFound | None:
    """NotificationDelivered or NotificationFailed says what became of it."""
    return await context.tool(Errands).send(command.channel, command.move, key=context.command_id)


@journey.does(AskAfterMessage)
async def ask_after_message(command: AskAfterMessage, context: CommandContext) -> MessageFound | None:
    """Stands in for an event that never came."""
    return await context.tool(Errands).ask_after(command.channel, command.move)
