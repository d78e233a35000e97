"""The events that notifications publishes. It consumes none."""

from contracts.events.notifications import NotificationAccepted, NotificationDelivered, NotificationFailed
from shared.bus import EventRouter

router = EventRouter("notifications")
router.publishes(NotificationAccepted, NotificationDelivered, NotificationFailed)
