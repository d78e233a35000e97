"""What data sharing is told at start."""

from shared.crypto import FernetKeys
from shared.settings import ServiceSettings, prefixed


class Settings(ServiceSettings):
    """Settings of the data-sharing service."""

    model_config = prefixed("DATA_SHARING_")

    secret_key: FernetKeys
    """Encrypts shares and the record's signing key at rest. A new key is put in front of the old ones, comma-separated, which
    then only decrypt; the oldest must stay."""
