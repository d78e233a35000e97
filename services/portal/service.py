"""The portal, put together."""

import secrets
from pathlib import Path

from services.portal.api import capture, home
from services.portal.capture.smtp import SmtpCapture
from services.portal.settings import Settings
from services.portal.store import Store
from shared.pages import Pages
from shared.service import Service


def build(settings: Settings) -> Service:
    """The front page of a platform; on one machine also the providers that capture its mail and texts."""
    store = Store(settings)
    key = settings.pages_key.get_secret_value() or secrets.token_urlsafe()
    pages = Pages(Path(__file__).parent / "templates", "Portal", secret=key, session_cookie="portal_session")
    smtp = SmtpCapture(settings, store)
    return Service(
        "portal",
        settings,
        store=store,
        routers=[home.router, pages.assets, *([capture.router] if settings.capture else [])],
        provides=[pages, smtp],
        on_start=[smtp.start] if settings.capture else [],
        on_stop=[smtp.stop] if settings.capture else [],
        description="The front page of a platform. On one machine it captures mail and texts, so that they reach nobody.",
    )
