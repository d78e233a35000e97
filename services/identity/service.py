"""The composition root of identity."""

from datetime import timedelta
from functools import partial
from pathlib import Path

from shared.pages import Pages
from shared.service import Service
from shared.worker import Worker

from . import events, seed
from .adapters.back_channel import BackChannel
from .adapters.notifications import Notifications
from .api import authorize, discovery, information, logout, sign_in, token, userinfo
from .api.browser import session_cookie
from .delivery import CodeDelivery
from .provider import Provider, subject_of
from .session_end import LogoutDelivery
from .settings import Settings
from .signing_keys import SigningKeys
from .store import Store
from .vault import Vault

TEMPLATES = Path(__file__).parent / "templates"


def build(settings: Settings) -> Service:
    """Compose the service. Nothing connects before it starts."""
    store = Store(settings)
    vault = Vault(settings.encryption_key, settings.hashing_key)
    days = settings.rotate_signing_key_after_days
    keys = SigningKeys(store, vault, rotate_after=timedelta(days=days) if days else None)
    notifications = Notifications(settings.notifications_url, settings.notifications_key, settings.notifications_template_id)
    delivery = CodeDelivery(store, vault, notifications)
    worker = Worker("sign-in codes", delivery.step)
    delivery.wake = worker.wake
    back_channel = BackChannel()
    logouts = LogoutDelivery(store, keys, back_channel, issuer=settings.public_url, subject=partial(subject_of, vault, settings.public_url))
    logout_worker = Worker("logouts", logouts.step)
    logouts.wake = logout_worker.wake
    cookie = session_cookie(secure=settings.is_https)
    pages = Pages(
        TEMPLATES,
        "Sign in",
        secret=vault.key("forms").hex(),
        session_cookie=cookie,
        secure=settings.is_https,
        start=None,
        footer=information.LINKS,
    )
    return Service(
        "identity",
        settings,
        store=store,
        routers=[
            discovery.router,
            authorize.router,
            token.router,
            userinfo.router,
            logout.router,
            sign_in.router,
            information.router,
            pages.assets,
        ],
        events=[events.router],
        workers=[worker, logout_worker, Worker("signing keys", keys.rotate_by_schedule, interval=60.0)],
        provides=[keys, Provider(settings, store, vault, keys, delivery, logouts, pages), pages, token.TokenQuotas(settings, store)],
        tells=lambda: {"mail_refused": delivery.is_refused},
        seed=seed.loader(store, vault),
        on_start=[keys.load],
        on_stop=[notifications.close, back_channel.close],
        description="Signs people in by OpenID Connect and OAuth 2.0, and gives systems access tokens, each for one block.",
    )
