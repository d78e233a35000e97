"""Envelope encryption: what is sealed has a data key of its own, which is kept apart, wrapped under the service's secret keys.

Fernet (AES-128-CBC with HMAC-SHA256) does both. Once a data key is erased, no copy of what it sealed can be read: not in a backup of
the rows, not in an export.
"""

import hmac
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated, Any, cast

from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AfterValidator, SecretStr


def _fernet_keys(value: SecretStr) -> SecretStr:
    for key in value.get_secret_value().split(","):
        try:
            Fernet(key)
        except ValueError:
            raise ValueError("must be 32 random bytes in base64url, as cryptography.fernet.Fernet.generate_key() makes them") from None
    return value


FernetKeys = Annotated[SecretStr, AfterValidator(_fernet_keys)]
"""A setting: a key, or several with commas between them. The first seals; those after it, which were first before, still open."""


class Envelope:
    """Makes data keys, seals with them and opens again. Every failure to open is `cryptography.fernet.InvalidToken`."""

    def __init__(self, keys: SecretStr) -> None:
        secrets = keys.get_secret_value().split(",")
        self._wrapping = MultiFernet([Fernet(key) for key in secrets])
        self._digesting = [HKDF(SHA256(), 32, salt=None, info=b"digests").derive(key.encode()) for key in secrets]
        self.key_ids = tuple(hmac.new(key, b"key id", sha256).hexdigest()[:16] for key in self._digesting)
        """The ids of the secret keys, the one that wraps new data keys first: to find what an older one wrapped."""

    def new_key(self) -> bytes:
        """A data key, wrapped: as it is stored."""
        return self._wrapping.encrypt(Fernet.generate_key())

    def rewrapped(self, key: bytes) -> bytes:
        """The same data key, wrapped under the newest secret key. What it sealed stays as it is."""
        return self._wrapping.rotate(key)

    def digests(self, purpose: str, text: str) -> tuple[str, ...]:
        """Keyed SHA-256 (HMAC, hexadecimal) of a text under each secret key, in the order of `key_ids`: finds what is not stored."""
        return tuple(hmac.new(key, f"{purpose}\0{text}".encode(), sha256).hexdigest() for key in self._digesting)

    def seal(self, key: bytes, content: Mapping[str, Any]) -> bytes:
        """Encrypt what JSON can hold, under a wrapped data key."""
        return self._data_key(key).encrypt(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())

    def open(self, key: bytes, sealed: bytes) -> dict[str, Any]:
        """The content again."""
        return cast("dict[str, Any]", json.loads(self._data_key(key).decrypt(sealed)))

    def _data_key(self, key: bytes) -> Fernet:
        return Fernet(self._wrapping.decrypt(key))
