"""The addresses service, assembled."""

from services.addresses import events
from services.addresses.adapters.earlier_releases import EarlierReleases
from services.addresses.adapters.live_release import LiveRelease
from services.addresses.adapters.release_store import ReleaseStore
from services.addresses.announcing import announcer
from services.addresses.api import addresses, changes, match_jobs, os_places, outcodes, places_io, postcodes, premises, provisional, reports
from services.addresses.api.as_express import AsExpress
from services.addresses.api.places_access import Access
from services.addresses.bulk_matching import BulkMatcher
from services.addresses.following import Following
from services.addresses.publishing import publisher
from services.addresses.reconciling import SECONDS_BETWEEN_LOOKS, Reconciler
from services.addresses.retention import SECONDS_BETWEEN_ERASURES, Retention
from services.addresses.settings import Settings
from services.addresses.store import Store
from shared.service import Service
from shared.worker import Worker


def build(settings: Settings) -> Service:
    """Addresses and postcodes of London, by search, by UPRN, and as OS Places and postcodes.io answer."""
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
        provides=[live, EarlierReleases(settings.data_dir), matcher, reconciler, Access(settings)],
        on_start=[live.open, following.start],
        on_stop=[matcher.stop, following.stop, live.close],
        description="London's addresses and postcodes: search while typing, match written addresses, look up a UPRN, follow changes.",
    )
    service.app.add_middleware(AsExpress)
    return service
