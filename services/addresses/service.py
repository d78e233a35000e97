"""The addresses service, assembled."""

from services.addresses.adapters.live_release import LiveRelease
from services.addresses.announcing import announcer
from services.addresses.api import addresses, postcodes
from services.addresses.settings import Settings
from services.addresses.store import Store
from shared.service import Service


def build(settings: Settings) -> Service:
    """Addresses and postcodes of London, by search, by UPRN, and as postcodes.io answers."""
    store = Store(settings)
    live = LiveRelease(settings.data_dir, settings.premises_seed)
    return Service(
        "addresses",
        settings,
        store=store,
        routers=[addresses.router, postcodes.router],
        workers=[announcer(store, live)],
        provides=[live],
        on_start=[live.open],
        on_stop=[live.close],
    )
