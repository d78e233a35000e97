"""Settings of data sharing."""

from shared.crypto import FernetKeys
from shared.settings import ServiceSettings, prefixed


class Settings(ServiceSettings):
    """Settings of the data-sharing service."""

    model_config = prefixed("DATA_SHARING_")

    secret_key: FernetKeys
    """Encrypts shares and the record's signing key at rest. To rotate it, put a new key in front of the old ones, joined by a comma. Old
    keys only decrypt; the oldest must stay.
    """
