"""Encryption at rest with keys that rotate, and digests to look up what is stored encrypted. All of it is PyCA `cryptography`.

`Keyring` holds the secret keys of a service: the first seals, the later ones, which were first before, still open. Fernet (AES-128-CBC
with HMAC-SHA256, and the time of sealing) does both. `Envelope` gives each person or row a data key of its own, stored wrapped under the
keyring. Without the data key no copy of what it sealed opens: not in a backup, not in an export.
"""

import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Any, cast

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AfterValidator, SecretStr


class SealError(ValueError):
    """A sealed value was not sealed here, was changed, is older than allowed, or its key is gone."""


def _fernet_keys(value: SecretStr) -> SecretStr:
    for key in value.get_secret_value().split(","):
        try:
            Fernet(key)
        except ValueError:
            raise ValueError("must be 32 random bytes in base64url, as cryptography.fernet.Fernet.generate_key() makes them") from None
    return value


FernetKeys = Annotated[SecretStr, AfterValidator(_fernet_keys)]
"""A setting: a key, or several with commas between them. The first seals; those after it, which were first before, still open."""


@lru_cache(maxsize=64)
def derived_key(secret: bytes, info: str) -> bytes:
    """A key for one purpose, derived from a secret (HKDF, RFC 5869): 32 bytes, unrelated to those of other purposes."""
    return HKDF(SHA256(), 32, salt=None, info=info.encode()).derive(secret)


def digest(key: bytes, content: bytes) -> str:
    """Keyed SHA-256 (HMAC, RFC 2104), hexadecimal: finds an equal value, and cannot be searched for a known one without the key."""
    return hmac.new(key, content, sha256).hexdigest()


class Keyring:
    """The secret keys of one service. Every failure to open raises `SealError`."""

    def __init__(self, keys: SecretStr) -> None:
        self._secrets = [key.encode() for key in keys.get_secret_value().split(",")]
        fernets = [Fernet(key) for key in self._secrets]
        self._newest, self._all = fernets[0], MultiFernet(fernets)
        self._digesting = [derived_key(key, "digests") for key in self._secrets]
        self.key_ids = tuple(digest(key, b"key id")[:16] for key in self._digesting)
        """The ids of the keys, the one that seals first: to find what an older one sealed."""

    def seal(self, content: bytes, at: datetime | None = None) -> bytes:
        """Encrypt under the newest key; `at` is the time from which `open` counts the age (now when absent)."""
        return self._all.encrypt(content) if at is None else self._all.encrypt_at_time(content, int(at.timestamp()))

    def open(self, sealed: bytes | str) -> bytes:
        """Decrypt, whatever key of the ring sealed it."""
        try:
            return self._all.decrypt(sealed)
        except InvalidToken:
            raise SealError from None

    def open_fresh(self, sealed: bytes, *, max_age: int, at: datetime) -> bytes:
        """Decrypt what was sealed at most `max_age` seconds before `at`."""
        try:
            return self._all.decrypt_at_time(sealed, max_age, int(at.timestamp()))
        except InvalidToken:
            raise SealError from None

    def sealed_here(self, sealed: bytes) -> bool:
        """Whether a key of the ring sealed it, however long ago."""
        try:
            self._all.extract_timestamp(sealed)
        except InvalidToken:
            return False
        return True

    def is_current(self, sealed: bytes | str) -> bool:
        """Whether the newest key sealed it."""
        try:
            self._newest.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def resealed(self, sealed: bytes) -> bytes:
        """The same content under the newest key, with its time of sealing."""
        try:
            return self._all.rotate(sealed)
        except InvalidToken:
            raise SealError from None

    def digests(self, purpose: str, text: str) -> tuple[str, ...]:
        """The digest of a text for one purpose under each key, in the order of `key_ids`."""
        return tuple(digest(key, f"{purpose}\0{text}".encode()) for key in self._digesting)

    def lasting_key(self, info: str) -> bytes:
        """A key derived from the oldest secret, so that it outlives a rotation that puts a new one in front."""
        return derived_key(self._secrets[-1], info)


class Envelope:
    """Data keys, and what they seal. Every failure to open raises `SealError`."""

    def __init__(self, keys: SecretStr) -> None:
        self.keyring = Keyring(keys)

    def new_key(self) -> bytes:
        """A data key, wrapped: as it is stored."""
        return self.keyring.seal(Fernet.generate_key())

    def rewrapped(self, key: bytes) -> bytes:
        """The same data key, wrapped under the newest secret key. What it sealed stays as it is."""
        return self.keyring.resealed(key)

    def seal(self, key: bytes, content: Mapping[str, Any]) -> bytes:
        """Encrypt what JSON can hold, under a wrapped data key."""
        return Fernet(self.keyring.open(key)).encrypt(to_json(content))

    def open(self, key: bytes, sealed: bytes) -> dict[str, Any]:
        """The content again."""
        try:
            return from_json(Fernet(self.keyring.open(key)).decrypt(sealed))
        except InvalidToken:
            raise SealError from None


def to_json(content: Mapping[str, Any]) -> bytes:
    """What is sealed of an object: compact JSON in UTF-8."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def from_json(content: bytes) -> dict[str, Any]:
    """The object again."""
    return cast("dict[str, Any]", json.loads(content))
