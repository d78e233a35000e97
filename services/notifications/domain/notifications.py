"""A message: its states, and the events of its acceptance and end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from contracts.events import Event
from contracts.events.notifications import Channel, NotificationAccepted, NotificationDelivered, NotificationFailed

from .senders import Authenticated, KeyType
from .templates import Content, Template


class Status(StrEnum):
    """Notify's states of an email or a text."""

    CREATED = "created"
    SENDING = "sending"
    DELIVERED = "delivered"
    PERMANENT_FAILURE = "permanent-failure"
    TEMPORARY_FAILURE = "temporary-failure"
    TECHNICAL_FAILURE = "technical-failure"

    @property
    def is_final(self) -> bool:
        """Whether this state is an end."""
        return self not in (Status.CREATED, Status.SENDING)


FAILURES = (Status.PERMANENT_FAILURE, Status.TEMPORARY_FAILURE, Status.TECHNICAL_FAILURE)


@dataclass(frozen=True)
class Envelope:
    """A provider's data about a message in addition to its content."""

    recipient: str
    """The normalised address or number."""
    sender: str
    """The sender address of an email, or the sender name of a text."""
    sender_name: str = ""
    reply_to: str | None = None
    unsubscribe_url: str | None = None


@dataclass(frozen=True)
class Notification:
    """One message that a service asked for."""

    id: str
    """A UUID (version 7). The Message-ID or dedupe key derives from it, so a delivery repeated after a crash is the same message."""
    service: str
    borough: str | None
    channel: Channel
    key_type: KeyType
    template: str
    template_version: int
    reference: str | None
    original_recipient: str
    """The recipient as the caller wrote it; the API returns it unchanged."""
    envelope: Envelope
    content: Content
    status: Status
    created_at: datetime
    keep_until: datetime
    """The end of its retention, counted from acceptance. Nobody reads the message afterwards."""
    sent_at: datetime | None = None
    completed_at: datetime | None = None
    sequence: int = 1

    @property
    def simulated(self) -> bool:
        """Whether a test key sent it, so that no provider gets it."""
        return self.key_type is KeyType.TEST


def accept(
    notification_id: str,
    caller: Authenticated,
    template: Template,
    content: Content,
    envelope: Envelope,
    *,
    original_recipient: str,
    reference: str | None,
    at: datetime,
) -> tuple[Notification, Sequence[Event]]:
    """Accept a message. An event will report whether it ends as delivered or as failed."""
    notification = Notification(
        id=notification_id,
        service=caller.service.id,
        borough=caller.service.borough,
        channel=Channel(template.type),
        key_type=caller.key.type,
        template=template.id,
        template_version=template.version,
        reference=reference,
        original_recipient=original_recipient,
        envelope=envelope,
        content=content,
        status=Status.CREATED,
        created_at=at,
        keep_until=at + timedelta(days=caller.service.retention_days),
    )
    accepted = NotificationAccepted(
        notification=notification_id,
        service=notification.service,
        channel=notification.channel,
        template=template.id,
        template_version=template.version,
        reference=reference,
        accepted_at=at,
        sequence=notification.sequence,
    )
    return notification, [accepted]


def ended(notification: Notification, status: Status, at: datetime) -> tuple[Notification, Sequence[Event]]:
    """End the message. Leaves an ended one unchanged, without a second event."""
    if notification.status.is_final:
        return notification, []
    after = replace(
        notification,
        status=status,
        sent_at=notification.sent_at or at,
        completed_at=at,
        sequence=notification.sequence + 1,
    )
    if status is Status.DELIVERED:
        return after, [
            NotificationDelivered(
                notification=after.id,
                service=after.service,
                channel=after.channel,
                reference=after.reference,
                delivered_at=at,
                sequence=after.sequence,
            )
        ]
    return after, [
        NotificationFailed(
            notification=after.id,
            service=after.service,
            channel=after.channel,
            reference=after.reference,
            status=status.value,
            failed_at=at,
            sequence=after.sequence,
        )
    ]
