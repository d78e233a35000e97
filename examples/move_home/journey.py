"""The journey of a move: share with the councils, then write to the citizen. A table of pure steps;
commands.py carries out their commands.

A step believes another service's event only if this app caused it. The event must name our client or service as the sender, and have
the reference that this app gave, which nobody can guess. Another service's message or borough's share moves nobody's journey.
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
    """Share with one council."""

    model_config = ConfigDict(frozen=True)

    move: str
    recipient: Recipient
    reference: str | None = None


class Send(BaseModel):
    """Send the citizen one message about the outcome."""

    model_config = ConfigDict(frozen=True)

    channel: Literal["email", "sms"]
    move: Move


class AskAfterShare(BaseModel):
    """Repeat a share without an event; for data_sharing the same reference is the same share."""

    model_config = ConfigDict(frozen=True)

    move: str
    recipient: Recipient
    reference: str | None = None


class AskAfterMessage(BaseModel):
    """Ask notifications for the status of a message without an event."""

    model_config = ConfigDict(frozen=True)

    channel: Literal["email", "sms"]
    move: str
    reference: str | None = None


# ---------------------------------------------------------------- the steps


def begin(event: MoveSubmitted) -> Next[Move]:
    """Share with every council at once."""
    move = Move.begun(event.move, event.recipients, event.text_wanted, event.submitted_at)
    return Next(move, *(Share(move=move.id, recipient=one.recipient, reference=one.reference) for one in move.tellings))


def record_share(move: Move, event: ShareDelivered) -> Next[Move]:
    """Record that a council has the share."""
    recipient = Recipient(borough=event.recipient, purpose=event.purpose)
    if not move.asked_to_share(recipient, event.reference):
        return Next(move)
    return _onwards(move.told(recipient, event.delivered_at, share=event.share), event.delivered_at)


def record_polled_share(move: Move, event: CouncilTold) -> Next[Move]:
    """Record that a council has the share, although its event did not come."""
    recipient = Recipient(borough=event.recipient, purpose=event.purpose)
    return _onwards(move.told(recipient, event.told_at, share=event.share), event.told_at)


def record_refusal(move: Move, event: CouncilNotTold) -> Next[Move]:
    """Record a refusal; the citizen reads what to do instead."""
    recipient = Recipient(borough=event.recipient, purpose=event.purpose)
    return _onwards(move.not_told(recipient, Reason(event.reason), event.refused_at), event.refused_at)


def record_delivery(move: Move, event: NotificationDelivered) -> Next[Move]:
    """Record that a message reached the citizen."""
    if not move.asked_to_send(event.channel.value, event.reference):
        return Next(move)
    return _onwards(move.message_ended(event.channel.value, Progress.DONE, event.delivered_at), event.delivered_at)


def record_failure(move: Move, event: NotificationFailed) -> Next[Move]:
    """Record that a message will not reach the citizen; the move's page has the same content."""
    if not move.asked_to_send(event.channel.value, event.reference):
        return Next(move)
    return _onwards(move.message_ended(event.channel.value, Progress.FAILED, event.failed_at), event.failed_at)


def record_message(move: Move, event: MessageFound) -> Next[Move]:
    """Record a message's outcome: notifications refused it, or this app asked for its status."""
    return _onwards(
        move.message_ended(event.channel.value, Progress.DONE if event.delivered else Progress.FAILED, event.found_at), event.found_at
    )


def chase(move: Move) -> Next[Move]:
    """After a day, publish the delay and ask for the outcome of every open share and message."""
    councils = [telling for telling in move.tellings if not telling.progress.is_final]
    messages = [message for message in move.messages if message.progress is Progress.RUNNING]
    return Next(
        move.overdue(),
        MoveDelayed(move=move.id, councils_open=len(councils), messages_open=len(messages), noticed_at=clock.now()),
        *(AskAfterShare(move=move.id, recipient=one.recipient, reference=one.reference) for one in councils),
        *(AskAfterMessage(move=move.id, channel=one.channel, reference=move.reference_of(one)) for one in messages),
    )


def _onwards(move: Move, at: datetime) -> Next[Move]:
    """Write to the citizen once every share is final; complete the move once every message is."""
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
class AppIdentity:
    """This app's identity at other services, which marks its own shares and messages."""

    borough: str
    """GSS code."""
    client: str
    """The client that makes shares."""
    service: str
    """The notifications service that sends."""

    def move_of_share(self, event: ShareDelivered) -> str | None:
        """Return the move of a share; None if another client or borough made it."""
        return move_of(event.reference) if (event.sender, event.client) == (self.borough, self.client) else None

    def move_of_message(self, event: NotificationDelivered | NotificationFailed) -> str | None:
        """Return the move of a message; None if another service sent it."""
        return move_of(event.reference) if event.service == self.service else None


def _own(event: CouncilTold | CouncilNotTold | MessageFound) -> str:
    return event.move


def journey_of(app: AppIdentity) -> Process[Move]:
    """Return the process: the step for each event, and the executor of each command."""
    journey = Process("move_home", Move)
    journey.starts(MoveSubmitted)(begin)
    journey.on(ShareDelivered, finds=app.move_of_share)(record_share)
    journey.on(CouncilTold, finds=_own)(record_polled_share)
    journey.on(CouncilNotTold, finds=_own)(record_refusal)
    journey.on(NotificationDelivered, finds=app.move_of_message)(record_delivery)
    journey.on(NotificationFailed, finds=app.move_of_message)(record_failure)
    journey.on(MessageFound, finds=_own)(record_message)
    journey.overdue(hours=24)(chase)
    journey.does(Share)(share)
    journey.does(AskAfterShare)(poll_share)
    journey.does(Send)(send)
    journey.does(AskAfterMessage)(poll_message)
    return journey
