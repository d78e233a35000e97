"""The journey of a move: tell the councils, then write to the citizen. A table of pure steps; commands.py carries out their commands.

A step believes an event of another block only where this app caused it: the event names our client or service as the sender, and has
the reference that we gave, which nobody can guess. Another service's message or another borough's share moves nobody's journey.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from contracts.events.data_sharing import ShareDelivered
from contracts.events.notifications import NotificationDelivered, NotificationFailed
from shared import clock
from shared.process import CommandContext, Next, Process

from .commands import MoveCommands
from .domain.move import Move, Progress, Reason, move_of
from .domain.purposes import Recipient
from .events import CouncilNotTold, CouncilTold, MessageFound, MoveCompleted, MoveDelayed, MoveSubmitted


class Share(BaseModel):
    """Tell one council."""

    model_config = ConfigDict(frozen=True)

    move: str
    recipient: Recipient
    reference: str | None = None


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
    reference: str | None = None


class AskAfterMessage(BaseModel):
    """Ask notifications what became of a message that we have heard nothing of."""

    model_config = ConfigDict(frozen=True)

    channel: Literal["email", "sms"]
    move: str
    reference: str | None = None


# ---------------------------------------------------------------- the steps


def begin(event: MoveSubmitted) -> Next[Move]:
    """Tell every council at once."""
    move = Move.begun(event.move, event.recipients, event.text_wanted, event.submitted_at)
    return Next(move, *(Share(move=move.id, recipient=one.recipient, reference=one.reference) for one in move.tellings))


def told(move: Move, event: ShareDelivered) -> Next[Move]:
    """A council has it."""
    recipient = Recipient(borough=event.recipient, purpose=event.purpose)
    if not move.asked_to_share(recipient, event.reference):
        return Next(move)
    return _onwards(move.told(recipient, event.delivered_at, share=event.share), event.delivered_at)


def told_after_all(move: Move, event: CouncilTold) -> Next[Move]:
    """A council has it, although no event has said so."""
    recipient = Recipient(borough=event.recipient, purpose=event.purpose)
    return _onwards(move.told(recipient, event.told_at, share=event.share), event.told_at)


def refused(move: Move, event: CouncilNotTold) -> Next[Move]:
    """A council must not be told: that is recorded, and the citizen reads what to do instead."""
    recipient = Recipient(borough=event.recipient, purpose=event.purpose)
    return _onwards(move.not_told(recipient, Reason(event.reason), event.refused_at), event.refused_at)


def delivered(move: Move, event: NotificationDelivered) -> Next[Move]:
    """A message has reached the citizen."""
    if not move.asked_to_send(event.channel.value, event.reference):
        return Next(move)
    return _onwards(move.message_ended(event.channel.value, Progress.DONE, event.delivered_at), event.delivered_at)


def undelivered(move: Move, event: NotificationFailed) -> Next[Move]:
    """A message will not reach the citizen; the page says everything it would have said."""
    if not move.asked_to_send(event.channel.value, event.reference):
        return Next(move)
    return _onwards(move.message_ended(event.channel.value, Progress.FAILED, event.failed_at), event.failed_at)


def found(move: Move, event: MessageFound) -> Next[Move]:
    """A message was never taken, or we asked what became of it."""
    return _onwards(
        move.message_ended(event.channel.value, Progress.DONE if event.delivered else Progress.FAILED, event.found_at), event.found_at
    )


def chase(move: Move) -> Next[Move]:
    """A day has passed: say so to the citizen and to whoever watches, and ask after everything that we have heard nothing of."""
    councils = [telling for telling in move.tellings if not telling.progress.is_final]
    messages = [message for message in move.messages if message.progress is Progress.RUNNING]
    return Next(
        move.overdue(),
        MoveDelayed(move=move.id, councils_open=len(councils), messages_open=len(messages), noticed_at=clock.now()),
        *(AskAfterShare(move=move.id, recipient=one.recipient, reference=one.reference) for one in councils),
        *(AskAfterMessage(move=move.id, channel=one.channel, reference=move.reference_of(one)) for one in messages),
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


async def share(command: Share, context: CommandContext) -> CouncilNotTold | None:
    """A refusal is final at once; ShareDelivered says when the council has it."""
    outcome = await context.tool(MoveCommands).share(command.move, command.recipient, command.reference, key=context.command_id)
    return outcome if isinstance(outcome, CouncilNotTold) else None


async def poll_share(command: AskAfterShare, context: CommandContext) -> CouncilTold | CouncilNotTold:
    """Stands in for an event that never came."""
    return await context.tool(MoveCommands).share(command.move, command.recipient, command.reference, key=context.command_id)


async def send(command: Send, context: CommandContext) -> MessageFound | None:
    """NotificationDelivered or NotificationFailed says what became of it."""
    return await context.tool(MoveCommands).send(command.channel, command.move, key=context.command_id)


async def poll_message(command: AskAfterMessage, context: CommandContext) -> MessageFound | None:
    """Stands in for an event that never came."""
    reference = command.reference or f"{command.move}:{command.channel}"
    return await context.tool(MoveCommands).poll(command.channel, command.move, reference)


# ---------------------------------------------------------------- the table


@dataclass(frozen=True)
class Ourselves:
    """As whom this app calls the blocks, and so whose shares and messages are its own."""

    borough: str
    """GSS code."""
    client: str
    """The client that shares."""
    service: str
    """The service of notifications that sends."""

    def move_of_share(self, event: ShareDelivered) -> str | None:
        """The move that a share is for; None where another client or borough made it."""
        return move_of(event.reference) if (event.sender, event.client) == (self.borough, self.client) else None

    def move_of_message(self, event: NotificationDelivered | NotificationFailed) -> str | None:
        """The move that a message is for; None where another service sent it."""
        return move_of(event.reference) if event.service == self.service else None


def _own(event: CouncilTold | CouncilNotTold | MessageFound) -> str:
    return event.move


def journey_of(ourselves: Ourselves) -> Process[Move]:
    """The process: which fact leads to which step, and who carries out which command."""
    journey = Process("move_home", Move)
    journey.starts(MoveSubmitted)(begin)
    journey.on(ShareDelivered, finds=ourselves.move_of_share)(told)
    journey.on(CouncilTold, finds=_own)(told_after_all)
    journey.on(CouncilNotTold, finds=_own)(refused)
    journey.on(NotificationDelivered, finds=ourselves.move_of_message)(delivered)
    journey.on(NotificationFailed, finds=ourselves.move_of_message)(undelivered)
    journey.on(MessageFound, finds=_own)(found)
    journey.overdue(hours=24)(chase)
    journey.does(Share)(share)
    journey.does(AskAfterShare)(poll_share)
    journey.does(Send)(send)
    journey.does(AskAfterMessage)(poll_message)
    return journey
