"""Invalid registrations, and settings that stop the start."""

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
    *(
        {"redirect_uris": [f"https://a.test/callback?{query}"]}
        for query in ("iss=https://evil.test", "code=1", "a=1&state=x", "CODE=1", "%63ode=1", "a=1;iss=x", "error=x", "id_token=x", "iss")
    ),
    {"redirect_uris": ["https://a.test:99999/"]},
    {"redirect_uris": ["https://a.test/*"]},
    {"redirect_uris": ["javascript://a.test/%0aalert(1)"]},
    {"redirect_uris": ["http://localhost.a.test/"]},
    {"post_logout_redirect_uris": ["https://a.test/?state=x"]},
    {"backchannel_logout_uri": "ftp://a.test/"},
    {"backchannel_logout_uri": "https://user@a.test/"},
    {"backchannel_logout_uri": "https://a.test/#x"},
    {"client_secret": None, "backchannel_logout_uri": "http://a.test/"},
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


@pytest.mark.parametrize(
    "uri", ["https://a.test/callback?from=app", "http://127.0.0.1:8099/callback", "http://[::1]/x", "https://a.test/?codes=1"]
)
def test_a_redirect_uri_may_have_parameters_of_its_own(uri):
    vault = Vault(SecretStr("A" * 43 + "="), SecretStr("x" * 32))
    client = SeedClient.model_validate({**SEED["clients"][0], "redirect_uris": [uri], "backchannel_logout_uri": "http://app:8010/x"})
    assert client.registered(vault).redirect_uris == (uri,)


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
