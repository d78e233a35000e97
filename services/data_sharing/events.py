"""The events that data sharing publishes. It consumes none."""

from contracts.events.data_sharing import (
    AgreementActivated,
    AgreementDrafted,
    AgreementResumed,
    AgreementSigned,
    AgreementSubmitted,
    AgreementSuspended,
    AgreementTerminated,
    ShareDelivered,
    ShareRead,
    ShareRefused,
)
from shared.bus import EventRouter

router = EventRouter("data_sharing")
router.publishes(
    AgreementDrafted,
    AgreementSubmitted,
    AgreementSigned,
    AgreementActivated,
    AgreementSuspended,
    AgreementResumed,
    AgreementTerminated,
)
router.publishes(ShareDelivered, ShareRead, ShareRefused)
