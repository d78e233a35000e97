"""What addresses publishes to Kafka. It consumes nothing."""

from contracts.events.addresses import (
    AddressesChanged,
    AddressesCreated,
    AddressesMerged,
    AddressesRetired,
    AddressesSplit,
    ProvisionalReconciled,
    ReleasePublished,
)
from shared.bus import EventRouter

router = EventRouter("addresses")
router.publishes(ReleasePublished)
router.publishes(AddressesCreated, AddressesChanged, AddressesMerged, AddressesSplit, AddressesRetired)
router.publishes(ProvisionalReconciled)
