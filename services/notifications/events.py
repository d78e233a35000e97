"""What notifications publishes to Kafka. It consumes nothing."""

from contracts.events.notifications import NotificationAccepted, NotificationDelivered, NotificationFailed
from shared.bus import EventRouter

router = EventRouter("notifications")
router.publishes(NotificationAccepted, NotificationDelivered, NotificationFailed)
