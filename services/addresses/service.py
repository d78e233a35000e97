"""The composition root of the addresses service."""

from services.addresses import events
from services.addresses.settings import Settings
from services.addresses.store import Store
from shared import limits
from shared.service import Service
from shared.worker import Worker

from .api.os_places import resources as os_places
from .api.os_places.access import Access
from .api.postcodes_io import outcodes, postcodes
from .api.postcodes_io import places as places_io
from .api.postcodes_io.express import AsExpress
from .api.v1 import addresses, changes, match_jobs, premises, provisional, reports
from .gazetteer.distribution.release_store import ReleaseStore
from .gazetteer.releases.earlier import EarlierReleases
from .gazetteer.serving.live import LiveRelease
from .workers.announce_release import announcer
from .workers.erase_typed import SECONDS_BETWEEN_ERASURES, Retention
from .workers.follow_release import Following
from .workers.publish_changes import publisher
from .workers.reconcile import SECONDS_BETWEEN_LOOKS, Reconciler
from .workers.run_match_jobs import BulkMatcher


def build(settings: Settings) -> Service:
    """Assemble the service: its own API, the APIs of OS Places and postcodes.io, and the workers."""
    store = Store(settings)
    releases = ReleaseStore(settings.data_dir, settings.releases) if settings.releases else None
    live = LiveRelease(settings.data_dir, settings.premises_seed, releases)
    following = Following(live, releases, settings.releases_poll_seconds)
    matcher = BulkMatcher(store, live)
    bulk = Worker("match jobs", matcher.step)
    matcher.wake = bulk.wake
    reconciler = Reconciler(store, live)
    reconciling = Worker("reconcile", reconciler.step, interval=SECONDS_BETWEEN_LOOKS)
    reconciler.wake = reconciling.wake
    retention = Worker("retention", Retention(store, settings.typed_days).step, interval=SECONDS_BETWEEN_ERASURES)
    service = Service(
        "addresses",
        settings,
        store=store,
        routers=[
            *(addresses.router, match_jobs.router, changes.router, provisional.router, reports.router, premises.router),
            *(os_places.router, postcodes.router, outcodes.router, outcodes.terminated, outcodes.random),
            *(places_io.places, places_io.scotland, places_io.ping),
        ],
        events=[events.router],
        workers=[
            *(announcer(store, live), publisher(store, settings.data_dir, releases.folder if releases else None)),
            *(bulk, reconciling, retention),
        ],
        provides=[live, EarlierReleases(settings.data_dir), matcher, reconciler, Access(settings, store.collection(limits.COLLECTION))],
        on_start=[live.open, following.start],
        on_stop=[matcher.stop, following.stop, live.close],
        description="London's addresses and postcodes: search while typing, match written addresses, look up a UPRN, follow changes.",
    )
    service.app.add_middleware(AsExpress)
    return service
