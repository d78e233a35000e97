"""Encryption of what is known about a person, at rest and in cookies."""

import hashlib
import secrets
from typing import TypeVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from pydantic import BaseModel

from shared import clock

Content = TypeVar("Content", bound=BaseModel)


class Seal:
    """Fernet (AES-128-CBC with HMAC-SHA256); the first key encrypts, all of them decrypt, so that keys can be changed."""

    def __init__(self, keys: str) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys.split(",")])
        self.form_secret = hashlib.sha256(b"forms\0" + keys.rsplit(",", maxsplit=1)[-1].encode()).hexdigest()
        """For the signatures of form tokens; follows the oldest key, so that adding one breaks no open form."""

    def close(self, content: BaseModel) -> bytes:
        """The content, encrypted."""
        return self._fernet.encrypt_at_time(content.model_dump_json().encode(), int(clock.now().timestamp()))

    def open(self, sealed: bytes, kind: type[Content]) -> Content:
        """The content that `close` took. Raises cryptography's `InvalidToken` when it is not ours."""
        return kind.model_validate_json(self._fernet.decrypt(sealed))

    def open_fresh(self, sealed: str | None, kind: type[Content], seconds: int) -> Content | None:
        """The content of a cookie, unless it is missing, not ours, or older than `seconds`."""
        try:
            plain = self._fernet.decrypt_at_time((sealed or "").encode(), seconds, int(clock.now().timestamp()))
            return kind.model_validate_json(plain)
        except (InvalidToken, ValueError):  # not ours, too old, or sealed as something else
            return None


def new_secret() -> str:
    """256 random bits in base64url."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """How a high-entropy secret is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()
