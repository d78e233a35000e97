"""Encryption of personal data, at rest and in cookies."""

import hashlib
import secrets
from typing import TypeVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import BaseModel

from shared import clock

Content = TypeVar("Content", bound=BaseModel)


class Seal:
    """Fernet (AES-128-CBC with HMAC-SHA256). The first key encrypts and every key decrypts, so operators can rotate keys."""

    def __init__(self, keys: str) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys.split(",")])
        self.form_secret = hashlib.sha256(b"forms\0" + keys.rsplit(",", maxsplit=1)[-1].encode()).hexdigest()
        """The secret that signs form tokens. It derives from the oldest key, so a new key breaks no open form."""

    def close(self, content: BaseModel) -> bytes:
        """Return the content, encrypted."""
        return self._fernet.encrypt_at_time(content.model_dump_json().encode(), int(clock.now().timestamp()))

    def open(self, sealed: bytes, kind: type[Content]) -> Content:
        """Return the content that `close` encrypted. Raises cryptography's `InvalidToken` if another key sealed it."""
        return kind.model_validate_json(self._fernet.decrypt(sealed))

    def open_fresh(self, sealed: str | None, kind: type[Content], seconds: int) -> Content | None:
        """Return a cookie's content; None if it is missing, sealed by another key, or older than `seconds`."""
        try:
            plain = self._fernet.decrypt_at_time((sealed or "").encode(), seconds, int(clock.now().timestamp()))
            return kind.model_validate_json(plain)
        except (InvalidToken, ValueError):  # not ours, too old, or sealed as something else
            return None


def new_secret() -> str:
    """Return 256 random bits in base64url."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return the stored form of a high-entropy secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
