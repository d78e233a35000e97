"""Fixtures: the data-sharing service on its own database."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from pydantic import SecretStr

from services.data_sharing.service import build
from services.data_sharing.settings import Settings
from tests.support.service_runner import run_service

from .platform import Platform


@pytest.fixture
async def platform(settings, tokens, serve) -> AsyncIterator[Platform]:
    """A running service."""
    own = settings(Settings, secret_key=SecretStr(Fernet.generate_key().decode()))
    async with serve(build(own)) as running:
        yield Platform(running, tokens)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_platform(module_settings, tokens) -> AsyncIterator[Platform]:
    """A running service for all tests of a module, which run in the module's event loop."""
    own = module_settings(Settings, secret_key=SecretStr(Fernet.generate_key().decode()))
    async with run_service(build(own)) as running:
        yield Platform(running, tokens)
