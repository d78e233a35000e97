"""API keys' secrets at rest: encrypted, because HS256 needs their plain value again for every request."""

from dataclasses import replace
from functools import lru_cache

from cryptography.fernet import Fernet

from .domain.senders import ApiKey, Service
from .settings import Settings


class Vault:
    """Seals and opens secrets with the service's Fernet key."""

    def __init__(self, settings: Settings) -> None:
        self._fernet = Fernet(settings.secret_key.get_secret_value())
        self._open = lru_cache(maxsize=10_000)(self._decrypted)

    def sealed(self, secret: str) -> str:
        """The secret in the form in which it is stored."""
        return self._fernet.encrypt(secret.encode()).decode()

    def opened(self, service: Service) -> Service:
        """The service with its keys' secrets readable. Raises `InvalidToken` where another key sealed them."""
        return replace(service, keys=tuple(self._opened_key(key) for key in service.keys))

    def _opened_key(self, key: ApiKey) -> ApiKey:
        return replace(key, secret=self._open(key.secret))

    def _decrypted(self, sealed: str) -> str:
        return self._fernet.decrypt(sealed).decode()
