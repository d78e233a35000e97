"""Encryption of personal data, at rest and in cookies."""

import hashlib
import secrets
from typing import TypeVar

from pydantic import BaseModel, SecretStr

from shared import clock
from shared.crypto import Keyring

Content = TypeVar("Content", bound=BaseModel)


class Seal:
    """Seals pydantic models under the app's secret keys."""

    def __init__(self, keys: SecretStr) -> None:
        self._keyring = Keyring(keys)
        self.form_secret = hashlib.sha256(b"forms\0" + keys.get_secret_value().rsplit(",", maxsplit=1)[-1].encode()).hexdigest()
        """The secret that signs form tokens. It derives from the oldest key, so a new key breaks no open form."""

    def close(self, content: BaseModel) -> bytes:
        """Return the content, encrypted."""
        return self._keyring.seal(content.model_dump_json().encode(), clock.now())

    def open(self, sealed: bytes, kind: type[Content]) -> Content:
        """Return the content that `close` encrypted. Raises `SealError` if another key sealed it."""
        return kind.model_validate_json(self._keyring.open(sealed))

    def open_fresh(self, sealed: str | None, kind: type[Content], seconds: int) -> Content | None:
        """Return a cookie's content; None if it is missing, sealed by another key, or older than `seconds`."""
        try:
            plain = self._keyring.open_fresh((sealed or "").encode(), max_age=seconds, at=clock.now())
            return kind.model_validate_json(plain)
        except ValueError:  # not ours, too old, or sealed as something else
            return None


def new_secret() -> str:
    """Return 256 random bits in base64url."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return the stored form of a high-entropy secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
