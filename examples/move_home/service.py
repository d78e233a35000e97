"""The composition root of the app."""

from pathlib import Path

import httpx

from shared.auth import ClientCredentials
from shared.http import client
from shared.pages import Pages
from shared.service import Service

from . import events
from .adapters.addresses import Addresses
from .adapters.data_sharing import DataSharing
from .adapters.identity import Identity
from .adapters.notifications import Notifications
from .api import address_questions, borough, information, moves, programs, questions, sign_in, suggestions
from .commands import MoveCommands
from .journey import AppIdentity, journey_of
from .seal import Seal
from .settings import MachineClient, Settings
from .store import Store

HERE = Path(__file__).parent
ADDRESS_SCOPE = "addresses:address:read"
SHARE_SCOPE = "data_sharing:share:create"
INBOX_SCOPE = "data_sharing:inbox:read"


def build(settings: Settings) -> Service:
    """Compose the app: a citizen reports a move once and follows its progress."""
    store = Store(settings)
    seal = Seal(settings.secret_key)
    pages = Pages(
        HERE / "templates",
        "Tell councils you are moving",
        secret=seal.form_secret,
        session_cookie=settings.session_cookie,
        secure=settings.is_https,
        form_targets=[settings.issuer],
        footer=information.LINKS,
    )
    identity = Identity(settings)
    addresses = Addresses(client(settings.addresses_url, auth=_acting_as(settings.addresses_client, ADDRESS_SCOPE, settings)))
    inboxes = {
        code: client(settings.data_sharing_url, auth=_acting_as(machine, INBOX_SCOPE, settings))
        for code, machine in settings.inbox_clients.items()
    }
    data_sharing = DataSharing(client(settings.data_sharing_url, auth=_acting_as(settings.shares_client, SHARE_SCOPE, settings)), inboxes)
    notifications = Notifications(
        client(settings.notifications_url),
        settings.notify_key.get_secret_value(),
        {"email": settings.email_template, "sms": settings.sms_template},
    )
    commands = MoveCommands(store, seal, data_sharing, notifications, borough=settings.borough, public_url=settings.public_url)
    journey = journey_of(AppIdentity(settings.borough, settings.shares_client.client_id, settings.notify_service))
    return Service(
        "move_home",
        settings,
        store=store,
        routers=[
            pages.assets,
            sign_in.router,
            moves.router,
            questions.router,
            address_questions.router,
            suggestions.router,
            borough.router,
            programs.router,
            information.router,
        ],
        events=[events.router, journey.router],
        workers=journey.workers(store, commands),
        provides=[seal, pages, identity, addresses, data_sharing, journey],
        on_stop=[identity.close, addresses.close, data_sharing.close, notifications.close],
        description="Tell the councils that you are moving home, once.",
    )


def _acting_as(machine: MachineClient, scope: str, settings: Settings) -> httpx.Auth:
    token_url = f"{settings.issuer.rstrip('/')}/token"
    return ClientCredentials(token_url, machine.client_id, machine.client_secret.get_secret_value(), scope)
