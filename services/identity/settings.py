"""Settings of identity."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from shared.crypto import FernetKeys
from shared.settings import ServiceSettings, prefixed

NOTIFY_KEY = re.compile(r"^.+-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")


def _notify_key(value: SecretStr) -> SecretStr:
    if not NOTIFY_KEY.match(value.get_secret_value()):
        raise ValueError("must be a key of notifications: name-service_id-secret")
    return value


def _long_secret(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < 32:
        raise ValueError("must be at least 32 random characters")
    return value


class Settings(ServiceSettings):
    """Settings of identity. `public_url` is the issuer of every token; it must not change once tokens and subjects are in use."""

    model_config = prefixed("IDENTITY_")

    encryption_key: FernetKeys
    """Encrypts signing keys and personal values at rest. Put a new key in front of the old ones, which then only decrypt."""
    hashing_key: Annotated[SecretStr, AfterValidator(_long_secret)]
    """Keys the digests of addresses, codes and secrets, and the pairwise subjects. Must never change."""
    notifications_url: str
    """The URL of notifications, for example http://127.0.0.1:8003."""
    notifications_key: Annotated[SecretStr, AfterValidator(_notify_key)]
    """A key of notifications in GOV.UK Notify's form, `name-service_id-secret`."""
    notifications_template_id: str
    """The email template of the sign-in code; its one placeholder is ((code))."""
    codes_per_address: int = Field(default=5, ge=1)
    """The most sign-in codes to one address in 15 minutes, requested by one network, or by one browser that signed in with the address
    before. Requests from elsewhere never lock the address's owner out.
    """
    codes_per_address_in_all: int = Field(default=30, ge=1)
    """The most sign-in codes to one address in 15 minutes, requested by all browsers that never signed in with it."""
    codes_per_network: int = Field(default=100, ge=1)
    """The most sign-in codes that one IPv4 address or IPv6 /64 network may request in 15 minutes."""
    wrong_codes_per_network: int = Field(default=100, ge=1)
    """The most wrong codes that one network may enter in 15 minutes."""

    rotate_signing_key_after_days: int = Field(default=90, ge=0, le=180)
    """Days until the service makes the next signing key; 0 leaves it to the command."""
    tokens_per_client: int = Field(default=3_000, ge=0)
    """Requests a minute that an authenticated client may make at the token endpoint; 0 sets no limit."""
    token_failures_per_network: int = Field(default=300, ge=0)
    """Failed requests a minute that one network may make there; 0 sets no limit."""

    @property
    def is_https(self) -> bool:
        return self.public_url.startswith("https://")
