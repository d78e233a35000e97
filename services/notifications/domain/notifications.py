"""A message on its way: its states, and the events of its acceptance and end."""

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
        """Whether nothing more happens to a message in this state."""
        return self not in (Status.CREATED, Status.SENDING)


FAILURES = (Status.PERMANENT_FAILURE, Status.TEMPORARY_FAILURE, Status.TECHNICAL_FAILURE)


@dataclass(frozen=True)
class Envelope:
    """What a provider needs in addition to the content."""

    recipient: str
    """The address or number in the form in which it is sent to."""
    sender: str
    """The address that an email comes from, or the name that a text comes from."""
    sender_name: str = ""
    reply_to: str | None = None
    unsubscribe_url: str | None = None


@dataclass(frozen=True)
class Notification:
    """One message that a service asked for."""

    id: str
    """A UUID (version 7) that fixes the Message-ID or the dedupe key too: a delivery repeated after a crash is the same message."""
    service: str
    borough: str | None
    channel: Channel
    key_type: KeyType
    template: str
    template_version: int
    reference: str | None
    original_recipient: str
    """As the caller wrote it, and reads it back."""
    envelope: Envelope
    content: Content
    status: Status
    created_at: datetime
    keep_until: datetime
    """The end of its retention, counted from acceptance: nobody reads it after that."""
    sent_at: datetime | None = None
    completed_at: datetime | None = None
    sequence: int = 1

    @property
    def simulated(self) -> bool:
        """Nothing leaves: the key was a test key."""
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
    """Accept a message: from here on it ends as delivered or as failed, and an event says which."""
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
    """End the message. Leaves one that has ended as it is, without a second event."""
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
