"""The composition root of data sharing."""

from shared.service import Service

from . import events, seed, sequencer
from .api import agreements, inbox, record, shares
from .notary import Notary
from .settings import Settings
from .store import Store
from .vault import Vault


def build(settings: Settings) -> Service:
    """Compose the service: signed agreements between boroughs, shares made under them, and the record of both."""
    store = Store(settings)
    vault = Vault(settings.secret_key)
    notary = Notary(store, vault)
    return Service(
        "data_sharing",
        settings,
        store=store,
        routers=[agreements.router, shares.router, inbox.router, record.router],
        events=[events.router],
        workers=[sequencer.worker(store, notary)],
        provides=[vault, notary],
        seed=seed.loader(store),
        on_start=[notary.load],
        description="Agreements between boroughs, the shares that they allow, and the record in which a citizen sees who saw what.",
    )
