"""What data sharing is told at start."""

from typing import Annotated

from cryptography.fernet import Fernet
from pydantic import AfterValidator, SecretStr

from shared.settings import ServiceSettings, prefixed


def _fernet_keys(value: SecretStr) -> SecretStr:
    for key in value.get_secret_value().split(","):
        try:
            Fernet(key)
        except ValueError:
            raise ValueError("must be 32 random bytes in base64url, as cryptography.fernet.Fernet.generate_key() makes them") from None
    return value


class Settings(ServiceSettings):
    """Settings of the data-sharing service."""

    model_config = prefixed("DATA_SHARING_")

    secret_key: Annotated[SecretStr, AfterValidator(_fernet_keys)]
    """Encrypts shares and the record's signing key at rest. A new key is put in front of the old ones, comma-separated, which
    then only decrypt; the oldest must stay."""
