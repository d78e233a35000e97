"""What data sharing keeps secret: the content of shares and the record's signing key, encrypted; keyed digests of requests."""

import hmac
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, cast

import rfc8785
from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr


class Vault:
    """Holds the keys; nothing else in the service sees them."""

    def __init__(self, secret_key: SecretStr) -> None:
        keys = secret_key.get_secret_value().split(",")
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        # The oldest key stays when a new one is put in front, so digests outlive a rotation.
        self._digest_key = HKDF(SHA256(), 32, salt=None, info=b"data_sharing digests").derive(keys[-1].encode())

    def seal(self, content: Mapping[str, Any]) -> bytes:
        """Encrypt for storage."""
        return self._fernet.encrypt(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())

    def open(self, sealed: bytes) -> dict[str, Any]:
        """The content again. Raises `cryptography.fernet.InvalidToken` when it was sealed with a key that is gone."""
        return cast("dict[str, Any]", json.loads(self._fernet.decrypt(sealed)))

    def digest(self, content: Any) -> str:
        """Keyed SHA-256 (HMAC) of any JSON value, hexadecimal: tells whether two are equal, and cannot be searched for a known one."""
        return hmac.new(self._digest_key, rfc8785.dumps(content), sha256).hexdigest()
