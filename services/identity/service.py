"""Identity, put together."""

from pathlib import Path

from shared.pages import Pages
from shared.service import Service
from shared.worker import Worker

from . import seed
from .adapters.notifications import Notifications
from .api import authorize, discovery, logout, sign_in, token, userinfo
from .api.browser import session_cookie
from .delivery import CodeDelivery
from .provider import Provider
from .settings import Settings
from .signing import SigningKeys
from .store import Store
from .vault import Vault

TEMPLATES = Path(__file__).parent / "templates"


def build(settings: Settings) -> Service:
    """The service with its parts; nothing is connected before it starts."""
    store = Store(settings)
    vault = Vault(settings.encryption_key, settings.hashing_key)
    keys = SigningKeys(store, vault)
    notifications = Notifications(settings.notifications_url, settings.notifications_key, settings.notifications_template_id)
    delivery = CodeDelivery(store, vault, notifications)
    worker = Worker("sign-in codes", delivery.step)
    delivery.wake = worker.wake
    cookie = session_cookie(secure=settings.is_https)
    pages = Pages(TEMPLATES, "Sign in", secret=vault.key("forms").hex(), session_cookie=cookie, secure=settings.is_https)
    return Service(
        "identity",
        settings,
        store=store,
        routers=[discovery.router, authorize.router, token.router, userinfo.router, logout.router, sign_in.router, pages.assets],
        workers=[worker],
        provides=[Provider(settings, store, vault, keys, delivery, pages), token.TokenQuotas(settings)],
        seed=seed.loader(store, vault),
        on_start=[keys.load],
        on_stop=[notifications.close],
    )
