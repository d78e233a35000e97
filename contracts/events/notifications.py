"""Events of the notifications block. None holds a recipient or a text."""

from datetime import datetime
from enum import StrEnum

from .base import Event, Key

NOTIFICATIONS = "notifications.notifications"


class Channel(StrEnum):
    """How a message travels."""

    EMAIL = "email"
    SMS = "sms"
    LETTER = "letter"


class NotificationAccepted(Event, type="notifications.notification.accepted", version=1, topic=NOTIFICATIONS):
    """Notifications has accepted a message and will hand it to a provider."""

    notification: str = Key()
    service: str
    channel: Channel
    template: str
    template_version: int
    reference: str | None = None
    """The caller's own reference, given back as it came. Callers must not put personal data in it."""
    accepted_at: datetime


class NotificationDelivered(Event, type="notifications.notification.delivered", version=1, topic=NOTIFICATIONS):
    """The provider reports that the message reached the recipient's mailbox or handset."""

    notification: str = Key()
    service: str
    channel: Channel
    reference: str | None = None
    delivered_at: datetime


class NotificationFailed(Event, type="notifications.notification.failed", version=1, topic=NOTIFICATIONS):
    """The message will not be delivered: refused for good, out of attempts, or technically impossible."""

    notification: str = Key()
    service: str
    channel: Channel
    reference: str | None = None
    status: str
    """`permanent-failure`, `temporary-failure` or `technical-failure`, as GOV.UK Notify names them."""
    failed_at: datetime
