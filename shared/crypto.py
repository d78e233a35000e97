"""Envelope encryption: what is sealed has a data key of its own, which is kept apart, wrapped under the service's secret keys.

Fernet (AES-128-CBC with HMAC-SHA256) does both. Once a data key is erased, no copy of what it sealed can be read: not in a backup of
the rows, not in an export.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, cast

from cryptography.fernet import Fernet, MultiFernet
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
        self._wrapping = MultiFernet([Fernet(key) for key in keys.get_secret_value().split(",")])

    def new_key(self) -> bytes:
        """A data key, wrapped: as it is stored."""
        return self._wrapping.encrypt(Fernet.generate_key())

    def seal(self, key: bytes, content: Mapping[str, Any]) -> bytes:
        """Encrypt what JSON can hold, under a wrapped data key."""
        return self._data_key(key).encrypt(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())

    def open(self, key: bytes, sealed: bytes) -> dict[str, Any]:
        """The content again."""
        return cast("dict[str, Any]", json.loads(self._data_key(key).decrypt(sealed)))

    def _data_key(self, key: bytes) -> Fernet:
        return Fernet(self._wrapping.decrypt(key))
