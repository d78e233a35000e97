"""The composition root of the portal."""

import secrets
from pathlib import Path

from services.portal.api import captured_messages, home
from services.portal.settings import Settings
from services.portal.smtp_server import SmtpServer
from services.portal.store import Store
from shared.pages import Pages
from shared.service import Service


def build(settings: Settings) -> Service:
    """Compose the portal: the front page of a platform, and on one machine the providers that capture its mail and texts."""
    store = Store(settings)
    key = settings.pages_key.get_secret_value() or secrets.token_urlsafe()
    pages = Pages(Path(__file__).parent / "templates", "Portal", secret=key, session_cookie="portal_session")
    smtp = SmtpServer(settings, store)
    return Service(
        "portal",
        settings,
        store=store,
        routers=[home.router, pages.assets, *([captured_messages.router] if settings.capture else [])],
        provides=[pages, smtp],
        on_start=[smtp.start] if settings.capture else [],
        on_stop=[smtp.stop] if settings.capture else [],
        description="The front page of a platform. On one machine it captures mail and texts, so that they reach nobody.",
    )
