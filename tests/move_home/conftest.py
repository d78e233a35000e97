"""Fixtures: the app with a real store and broker; the blocks that it calls run only where a test starts them."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from examples.move_home.api.dependencies import Content
from examples.move_home.seal import Seal
from examples.move_home.service import build
from examples.move_home.settings import SESSION, MachineClient, Settings
from examples.move_home.store import Store
from shared import clock
from tests.support.service_runner import TRUST, RunningService, free_port

SERVICE = "11111111-1111-4111-8111-111111111111"
SHARES = "shares"
KEY = f"move-{SERVICE}-22222222-2222-4222-8222-222222222222"


@dataclass
class App:
    """The running app, with browsers for its users."""

    running: RunningService
    settings: Settings
    store: Store
    seal: Seal

    async def browser(self, subject: str = "citizen-1", **content: Any) -> "Browser":
        """Return a browser with a signed-in citizen, or with `borough` a member of staff."""
        known = {"email": "ada@example.org", "access_token": "t", "access_until": clock.now() + timedelta(minutes=5)} | content
        held = self.seal.close(Content.model_validate(known))
        secret = await self.store.sessions.start("staff" if "borough" in content else "citizen", subject, held)
        return Browser(httpx.AsyncClient(base_url=self.running.url, cookies={SESSION: secret}, verify=TRUST))


@dataclass
class Browser:
    """A browser without JavaScript: it follows redirects and submits forms with their hidden fields."""

    http: httpx.AsyncClient

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path, follow_redirects=True)

    async def send(self, path: str, fields: dict[str, Any] | None = None) -> httpx.Response:
        """Fill in and submit the form of a page."""
        page = await self.get(path)
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]+)">', page.text))
        return await self.http.post(page.url, data=hidden | (fields or {}), follow_redirects=True)


@pytest.fixture
def app_settings(settings) -> Callable[..., Settings]:
    """`app_settings(**over)`: settings of the app; the blocks do not run unless `over` gives their addresses."""

    def make(**over: Any) -> Settings:
        nowhere = f"http://127.0.0.1:{free_port()}"
        values = {
            "secret_key": SecretStr(Fernet.generate_key().decode()),
            "addresses_url": nowhere,
            "notifications_url": nowhere,
            "data_sharing_url": nowhere,
            "client_id": "move-home",
            "client_secret": SecretStr("s"),
            "addresses_client": MachineClient(client_id="addresses", client_secret=SecretStr("s")),
            "shares_client": MachineClient(client_id=SHARES, client_secret=SecretStr("s")),
            "inbox_clients": {"E09000012": MachineClient(client_id="inbox", client_secret=SecretStr("s"))},
            "notify_key": SecretStr(KEY),
            "email_template": "e",
            "sms_template": "t",
        }
        made: Settings = settings(Settings, **(values | over))
        return made

    return make


@pytest.fixture
def start_app(app_settings, serve) -> Callable[..., Any]:
    """`async with start_app(**over) as app:` the app with those settings."""

    @asynccontextmanager
    async def start(**over: Any) -> AsyncIterator[App]:
        made = app_settings(**over)
        service = build(made)
        async with serve(service) as running:
            assert isinstance(service.store, Store)
            yield App(running, made, service.store, Seal(made.secret_key))

    return start


@pytest.fixture
async def app(start_app) -> AsyncIterator[App]:
    """The app without the other blocks."""
    async with start_app() as started:
        yield started
