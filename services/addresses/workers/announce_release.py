"""Publish `ReleasePublished` once for each release that goes live, however many replicas serve it."""

from contracts.events.addresses import ReleasePublished
from services.addresses.gazetteer.releases.manifest import Manifest
from services.addresses.gazetteer.serving.live import LiveRelease
from services.addresses.store import Store
from shared.clock import now
from shared.mongo import Duplicate
from shared.worker import Worker

SECONDS_BETWEEN_LOOKS = 60.0


async def announce(store: Store, manifest: Manifest) -> bool:
    """Commit the release's row and its event in one transaction. Returns False if another call has committed them.

    If several replicas try at once, one commits. The others find its row, or raise `Conflict` and try again at their next step.
    """
    if await store.releases.is_announced(manifest.release):
        return False
    at = now()
    try:
        async with store.transaction() as tx:
            await tx.releases.insert(
                manifest.release, content_hash=manifest.content_hash, counts=manifest.counts.as_dict(), published_at=at
            )
            await tx.publish(
                ReleasePublished(
                    release=manifest.release,
                    premises=manifest.counts.premises,
                    postcodes=manifest.counts.postcodes,
                    content_hash=manifest.content_hash,
                    published_at=at,
                )
            )
    except Duplicate:
        return False
    return True


def announcer(store: Store, live: LiveRelease) -> Worker:
    """Create the worker that announces the served release as soon as the database accepts it."""
    announced: set[str] = set()

    async def step() -> int:
        manifest = live.manifest
        if manifest.release in announced:
            return 0
        done = await announce(store, manifest)
        announced.add(manifest.release)
        return int(done)

    return Worker("announce release", step, interval=SECONDS_BETWEEN_LOOKS)
