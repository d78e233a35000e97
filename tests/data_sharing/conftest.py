"""The data-sharing service on a database of its own."""

from collections.abc import AsyncIterator

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from services.data_sharing.service import build
from services.data_sharing.settings import Settings

from .platform import Platform


@pytest.fixture
async def platform(settings, tokens, serve) -> AsyncIterator[Platform]:
    """One running service."""
    own = settings(Settings, secret_key=SecretStr(Fernet.generate_key().decode()))
    async with serve(build(own)) as running:
        yield Platform(running, tokens)
