"""Identity on a real port with real engines, its clients and people from a seed file."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from joserfc.jwk import ECKey
from pydantic import SecretStr

from services.identity.service import build
from services.identity.settings import Settings
from tests.conftest import DRIVER, Engines
from tests.identity.citizen import CLIENT, REDIRECT, SECRET, Citizen
from tests.identity.mailbox import KEY, TEMPLATE, Mailbox
from tests.support.service_runner import RunningService, free_port, run_service

MACHINE_SECRET = "machine-secret-machine-secret-machine-0123456789"
ASSERTION_KEY = ECKey.generate_key("P-256", {"kid": "one"})

SEED: dict[str, Any] = {
    "clients": [
        {
            "client_id": CLIENT,
            "client_secret": SECRET,
            "name": "Move home",
            "client_uri": "https://move-home.test/",
            "borough": "E09000012",
            "sector": "hackney",
            "grant_types": ["authorization_code"],
            "scopes": ["openid", "email", "profile", "staff", "data_sharing:record:read", "addresses:address:read"],
            "redirect_uris": [REDIRECT],
            "post_logout_redirect_uris": ["https://move-home.test/"],
        },
        {
            "client_id": "hackney-other",
            "client_secret": "o" * 40,
            "name": "Other of Hackney",
            "borough": "E09000012",
            "sector": "hackney",
            "profile": "strict",
            "grant_types": ["authorization_code"],
            "scopes": ["openid"],
            "redirect_uris": [REDIRECT],
        },
        {
            "client_id": "camden-app",
            "client_secret": "c" * 40,
            "name": "Camden app",
            "borough": "E09000007",
            "sector": "camden",
            "grant_types": ["authorization_code"],
            "scopes": ["openid"],
            "redirect_uris": [REDIRECT],
        },
        {
            "client_id": "phone-app",
            "name": "Phone app",
            "borough": "E09000012",
            "grant_types": ["authorization_code"],
            "scopes": ["openid", "email"],
            "redirect_uris": [REDIRECT],
        },
        {
            "client_id": "machine",
            "client_secret": MACHINE_SECRET,
            "name": "Machine",
            "borough": "E09000012",
            "grant_types": ["client_credentials"],
            "scopes": ["addresses:address:read", "data_sharing:share:create", "data_sharing:agreement:read"],
        },
        {
            "client_id": "signing-machine",
            "jwks": {"keys": [ASSERTION_KEY.as_dict(private=False)]},
            "name": "Machine with a key",
            "borough": "E09000007",
            "profile": "strict",
            "grant_types": ["client_credentials"],
            "scopes": ["addresses:address:read"],
        },
    ],
    "people": [
        {"email": "Grace@Example.com", "name": "Grace Hopper", "uprn": "100000001"},
        {"email": "officer@hackney.example", "name": "An Officer", "kind": "staff", "borough": "E09000012", "roles": ["case_worker"]},
    ],
}


# One event loop for each module, so that a service may serve all tests of a module where they do not count its rows.


@pytest_asyncio.fixture(loop_scope="module")
async def mailbox() -> AsyncIterator[Mailbox]:
    """A running stand-in for notifications."""
    async with mailbox_running() as box:
        yield box


@pytest.fixture
def seed_file(tmp_path: Path) -> Path:
    """The seed data, in a file that a test may change."""
    file = tmp_path / "seed.json"
    file.write_text(json.dumps(SEED))
    return file


@pytest.fixture
def identity_settings(settings: Callable[..., Settings], mailbox: Mailbox, seed_file: Path) -> Callable[..., Settings]:
    """Settings of identity; two calls give two replicas on one database."""

    def make(**over: Any) -> Settings:
        return settings(Settings, **{**own_settings(mailbox), "seed_file": str(seed_file), **over})

    return make


@pytest_asyncio.fixture(loop_scope="module")
async def identity(identity_settings: Callable[..., Settings]) -> AsyncIterator[RunningService]:
    """Identity, running for one test."""
    async with run_service(build(identity_settings())) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def citizen(identity: RunningService, mailbox: Mailbox) -> AsyncIterator[Citizen]:
    """Ada, who has no account yet."""
    ada = Citizen(identity.url, mailbox, f"ada.{uuid4().hex}@example.com")
    yield ada
    await ada.browser.http.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_mailbox() -> AsyncIterator[Mailbox]:
    """Notifications' stand-in for all tests of a module."""
    async with mailbox_running() as box:
        yield box


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_identity(
    engines: Engines, tmp_path_factory: pytest.TempPathFactory, shared_mailbox: Mailbox
) -> AsyncIterator[RunningService]:
    """Identity, running for all tests of a module, in tests that each use their own people."""
    seed, name = tmp_path_factory.mktemp("identity") / "seed.json", f"identity_{uuid4().hex[:8]}"
    seed.write_text(json.dumps(SEED))
    service = build(
        Settings(
            port=free_port(),
            mongodb=SecretStr(engines.mongodb),
            database=name,
            kafka=engines.kafka,
            **engines.kafka_access.as_settings(),
            broker_durable=engines.broker_durable,
            topic_prefix=f"{name}.",
            codes_per_network=10_000,
            wrong_codes_per_network=10_000,
            seed_file=str(seed),
            **own_settings(shared_mailbox),
            token_failures_per_network=0,  # every test of a module sends from the same address
        )
    )
    async with run_service(service) as running:
        yield running
        assert service.store
        await service.store.drop()


def own_settings(mailbox: Mailbox) -> dict[str, Any]:
    """Return the settings of identity that are the same in every test."""
    return {
        "driver": DRIVER,
        "encryption_key": SecretStr("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
        "hashing_key": SecretStr("hashing key of the tests, long enough"),
        "notifications_url": mailbox.url,
        "notifications_key": SecretStr(KEY),
        "notifications_template_id": TEMPLATE,
    }


@asynccontextmanager
async def mailbox_running() -> AsyncIterator[Mailbox]:
    """Run a mailbox until the end of the block."""
    box = Mailbox()
    await box.start()
    yield box
    await box.stop()
