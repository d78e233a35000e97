"""What identity publishes to Kafka. It consumes nothing."""

from contracts.events.identity import AccountCreated, SessionStarted
from shared.bus import EventRouter

router = EventRouter("identity")
router.publishes(AccountCreated, SessionStarted)
