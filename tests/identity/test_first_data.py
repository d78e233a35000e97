"""What cannot be registered, and settings that stop the start."""

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from services.identity.seed import SeedClient
from services.identity.settings import Settings
from services.identity.vault import Vault
from shared.settings import SettingsError
from tests.identity.conftest import SEED
from tests.identity.mailbox import KEY

WRONG_CLIENTS: list[dict[str, Any]] = [
    {"redirect_uris": ["https://a.test/#x"]},
    {"redirect_uris": ["https://user@a.test/"]},
    {"redirect_uris": ["http://a.test/"]},
    {"redirect_uris": ["https://*.a.test/"]},
    {"redirect_uris": ["https://a;form-action.test/"]},
    {"redirect_uris": []},
    {"scopes": ["everything"]},
    {"client_secret": "short"},
    {"client_secret": None, "grant_types": ["client_credentials"]},
]


@pytest.mark.parametrize("change", WRONG_CLIENTS)
def test_a_wrong_client_cannot_be_registered(change):
    vault = Vault(SecretStr("A" * 43 + "="), SecretStr("x" * 32))
    SeedClient.model_validate(SEED["clients"][0]).registered(vault)
    with pytest.raises(ValidationError):
        SeedClient.model_validate({**SEED["clients"][0], **change}).registered(vault)


def test_wrong_keys_stop_the_start_in_one_line(monkeypatch):
    good = {
        "ENCRYPTION_KEY": "A" * 43 + "=",
        "HASHING_KEY": "x" * 32,
        "NOTIFICATIONS_URL": "http://n",
        "NOTIFICATIONS_KEY": KEY,
        "NOTIFICATIONS_TEMPLATE_ID": "t",
    }
    for name, value in good.items():
        monkeypatch.setenv(f"IDENTITY_{name}", value)
    Settings.load()
    for name in ("ENCRYPTION_KEY", "HASHING_KEY", "NOTIFICATIONS_KEY"):
        with monkeypatch.context() as wrong:
            wrong.setenv(f"IDENTITY_{name}", "not a key")
            with pytest.raises(SettingsError, match=f"^Setting IDENTITY_{name}: [^\n]+$"):
                Settings.load()
