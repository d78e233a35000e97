"""Seals what data sharing keeps secret: the content of shares and the record's signing key. Digests requests."""

from collections.abc import Mapping
from typing import Any

import rfc8785
from pydantic import SecretStr

from shared.crypto import Keyring, digest, from_json, to_json


class Vault:
    """Holds the keys; no other part of the service sees them."""

    def __init__(self, secret_key: SecretStr) -> None:
        self._keyring = Keyring(secret_key)
        self._digest_key = self._keyring.lasting_key("data_sharing digests")

    def seal(self, content: Mapping[str, Any]) -> bytes:
        """Encrypt for storage."""
        return self._keyring.seal(to_json(content))

    def open(self, sealed: bytes) -> dict[str, Any]:
        """Decrypt. Raises `shared.crypto.SealError` where the key that sealed it is gone."""
        return from_json(self._keyring.open(sealed))

    def digest(self, content: Any) -> str:
        """The keyed digest of any JSON value in its canonical form (RFC 8785): equal for equal values."""
        return digest(self._digest_key, rfc8785.dumps(content))
