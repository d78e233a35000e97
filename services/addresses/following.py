"""Switch to another release when it goes live: every replica looks for itself, so that none has to be told."""

from services.addresses.adapters.live_release import LiveRelease
from shared.worker import Worker

SECONDS_BETWEEN_LOOKS = 2.0


def follower(live: LiveRelease) -> Worker:
    """Serves what is live in the data dir, a few seconds after it is."""

    async def step() -> int:
        await live.follow()
        return 0

    return Worker("follow release", step, interval=SECONDS_BETWEEN_LOOKS)
