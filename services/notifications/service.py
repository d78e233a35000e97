"""The composition root of notifications."""

from contracts.events.notifications import Channel
from shared.service import Service
from shared.worker import Worker

from . import events, seed
from .adapters.sms import SmsProvider
from .adapters.smtp import SmtpProvider
from .api import staff, v2
from .api.v2.surface import RateLimits
from .delivery import DeliveryWorker
from .settings import Settings
from .store import Store
from .upkeep import Upkeep
from .vault import Vault


def build(settings: Settings) -> Service:
    """Compose the service: email and text messages for council services."""
    store = Store(settings)
    vault = Vault(settings)
    mail, texts = SmtpProvider(settings), SmsProvider(settings)
    deliveries = DeliveryWorker(store, vault, {Channel.EMAIL: mail, Channel.SMS: texts}, at_once=settings.deliveries_at_once)
    upkeep = Upkeep(store, vault)
    delivery = Worker("delivery", deliveries.step)
    deliveries.wake = delivery.wake
    return Service(
        "notifications",
        settings,
        store=store,
        routers=[staff.router, *v2.routers()],
        events=[events.router],
        workers=[delivery, Worker("upkeep", upkeep.step, interval=60.0)],
        provides=[vault, deliveries, upkeep, RateLimits(settings, store)],
        seed=seed.loader(store, vault),
        on_start=[upkeep.begin],
        on_stop=[deliveries.stop, mail.close, texts.close],
        description="Email and text messages to citizens, committed before the answer. GOV.UK Notify's client libraries work unchanged.",
    )
