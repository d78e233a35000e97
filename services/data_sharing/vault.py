"""Encrypts the content of shares and the record's signing key, and makes keyed digests of requests."""

from collections.abc import Mapping
from typing import Any

import rfc8785
from pydantic import SecretStr

from shared.crypto import Keyring, digest, from_json, to_json


class Vault:
    """Holds the keys, which no other part of the service sees."""

    def __init__(self, secret_key: SecretStr) -> None:
        self._keyring = Keyring(secret_key)
        self._digest_key = self._keyring.oldest_key("data_sharing digests")

    def seal(self, content: Mapping[str, Any]) -> bytes:
        """Encrypt for storage."""
        return self._keyring.seal(to_json(content))

    def open(self, sealed: bytes) -> dict[str, Any]:
        """Decrypt. Raises `shared.crypto.SealError` if its secret key is missing."""
        return from_json(self._keyring.open(sealed))

    def digest(self, content: Any) -> str:
        """Return the keyed digest of a JSON value in its canonical form (RFC 8785); equal values have equal digests."""
        return digest(self._digest_key, rfc8785.dumps(content))
