"""Encryption at rest with rotating keys, and digests that find encrypted values. Everything here uses PyCA `cryptography`.

`Keyring` has the secret keys of a service. The first key seals (encrypts); the later ones, which earlier were first, still open (decrypt).
Both use Fernet: AES-128-CBC with HMAC-SHA256, and the time of sealing. `Envelope` gives each person or row a data key, stored wrapped
(encrypted) under the keyring. Without the data key nobody can open any copy of its values, be it in a backup or an export.
"""

import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Annotated, Any, cast

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AfterValidator, SecretStr


class SealError(ValueError):
    """A sealed value is forged, changed, older than allowed, or its key is missing."""


def _fernet_keys(value: SecretStr) -> SecretStr:
    for key in value.get_secret_value().split(","):
        try:
            Fernet(key)
        except ValueError:
            raise ValueError("must be 32 random bytes in base64url, as cryptography.fernet.Fernet.generate_key() makes them") from None
    return value


FernetKeys = Annotated[SecretStr, AfterValidator(_fernet_keys)]
"""A setting: one key, or several separated by commas. The first seals; the later ones, which earlier were first, still open."""


@lru_cache(maxsize=64)
def derived_key(secret: bytes, info: str) -> bytes:
    """Derive a key for one purpose from a secret (HKDF, RFC 5869): 32 bytes, unrelated to the keys of other purposes."""
    return HKDF(SHA256(), 32, salt=None, info=info.encode()).derive(secret)


def digest(key: bytes, content: bytes) -> str:
    """Return the keyed SHA-256 (HMAC, RFC 2104), hexadecimal. It finds equal values; without the key nobody can guess a value from it."""
    return hmac.new(key, content, sha256).hexdigest()


class Keyring:
    """The secret keys of one service. Every failure to open raises `SealError`."""

    def __init__(self, keys: SecretStr) -> None:
        self._secrets = [key.encode() for key in keys.get_secret_value().split(",")]
        fernets = [Fernet(key) for key in self._secrets]
        self._newest, self._all = fernets[0], MultiFernet(fernets)

    @cached_property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of the keys in their order, by which a service finds what an older key sealed."""
        return tuple(digest(key, b"key id")[:16] for key in self._digesting)

    def seal(self, content: bytes, at: datetime | None = None) -> bytes:
        """Encrypt under the newest key. `open_fresh` measures the age from `at` (now by default)."""
        return self._all.encrypt(content) if at is None else self._all.encrypt_at_time(content, int(at.timestamp()))

    def open(self, sealed: bytes | str) -> bytes:
        """Decrypt with the key that sealed it."""
        try:
            return self._all.decrypt(sealed)
        except InvalidToken:
            raise SealError from None

    def open_fresh(self, sealed: bytes, *, max_age: int, at: datetime) -> bytes:
        """Decrypt a value sealed at most `max_age` seconds before `at`."""
        try:
            return self._all.decrypt_at_time(sealed, max_age, int(at.timestamp()))
        except InvalidToken:
            raise SealError from None

    def sealed_here(self, sealed: bytes) -> bool:
        """Return whether a key of the ring sealed it, at any time."""
        try:
            self._all.extract_timestamp(sealed)
        except InvalidToken:
            return False
        return True

    def is_current(self, sealed: bytes | str) -> bool:
        """Return whether the newest key sealed it."""
        try:
            self._newest.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def resealed(self, sealed: bytes) -> bytes:
        """Return the content sealed under the newest key, with its original time."""
        try:
            return self._all.rotate(sealed)
        except InvalidToken:
            raise SealError from None

    def digests(self, purpose: str, text: str) -> tuple[str, ...]:
        """Return the digest of a text for one purpose, under each key, in the order of `key_ids`."""
        return tuple(digest(key, f"{purpose}\0{text}".encode()) for key in self._digesting)

    @cached_property
    def _digesting(self) -> list[bytes]:
        return [derived_key(key, "digests") for key in self._secrets]

    def oldest_key(self, info: str) -> bytes:
        """Derive a key from the oldest secret, so that it survives a rotation that puts a new one in front."""
        return derived_key(self._secrets[-1], info)


class Envelope:
    """Data keys and the values sealed under them. Every failure to open raises `SealError`."""

    def __init__(self, keys: SecretStr) -> None:
        self.keyring = Keyring(keys)

    def new_key(self) -> bytes:
        """Make a data key, wrapped for storage."""
        return self.keyring.seal(Fernet.generate_key())

    def rewrapped(self, key: bytes) -> bytes:
        """Wrap the data key under the newest secret key. Values sealed under it stay as they are."""
        return self.keyring.resealed(key)

    def seal(self, key: bytes, content: Mapping[str, Any]) -> bytes:
        """Encrypt a JSON object under a wrapped data key."""
        return Fernet(self.keyring.open(key)).encrypt(to_json(content))

    def open(self, key: bytes, sealed: bytes) -> dict[str, Any]:
        """Decrypt a JSON object."""
        try:
            return from_json(Fernet(self.keyring.open(key)).decrypt(sealed))
        except InvalidToken:
            raise SealError from None


def to_json(content: Mapping[str, Any]) -> bytes:
    """Encode an object as compact JSON in UTF-8."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def from_json(content: bytes) -> dict[str, Any]:
    """Decode an object."""
    return cast("dict[str, Any]", json.loads(content))
