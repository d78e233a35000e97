"""What identity keeps secret, in two forms: sealed (encrypted, can be opened again) and digested (keyed hash, can only be compared).

Codes, cookies and client secrets are random values of 128 bits or more, or (the eight-digit sign-in code) live for ten minutes and five
tries. A keyed SHA-256 is the right hash for them: a slow hash such as Argon2 defends values that people choose, and would cost
each machine token tens of milliseconds for nothing. The key keeps a stolen database from being searched for known addresses and codes.
"""

import hmac
import json
import re
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, cast

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from shared import security

from .domain.accounts import Sealed

Purpose = Literal["address", "assertion", "browser", "client-secret", "code", "forms", "limit", "session", "sign-in-code", "subject"]
State = Literal["device", "logout", "sign-in"]
"""What a state that a browser keeps is for; one kind never passes for another."""


SEALED = re.compile(r"[A-Za-z0-9_-]+={0,2}")
"""The one form of a sealed value: a lenient decoder drops what follows the padding."""


class SealError(ValueError):
    """The sealed value is not ours, was changed, or is older than allowed."""


class Vault:
    """Holds the two keys; nothing else in the service sees them."""

    def __init__(self, encryption_key: SecretStr, hashing_key: SecretStr) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in encryption_key.get_secret_value().split(",")])
        self._root = hashing_key.get_secret_value().encode()
        self._keys: dict[str, bytes] = {}

    def seal(self, text: str) -> Sealed:
        """Encrypt a value for storage."""
        return Sealed(self._fernet.encrypt(text.encode()).decode())

    def open(self, sealed: Sealed) -> str:
        """The value again. Raises SealError."""
        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken:
            raise SealError from None

    def seal_state(self, kind: State, state: dict[str, Any], at: datetime) -> str:
        """Encrypt what a page carries to the next one, so that the browser can keep it without reading or changing it."""
        content = json.dumps({"kind": kind, "state": state}, separators=(",", ":"))
        return self._fernet.encrypt_at_time(content.encode(), int(at.timestamp())).decode()

    def open_state(self, kind: State, sealed: str, *, max_age: int, at: datetime) -> dict[str, Any]:
        """The state again, at most `max_age` seconds old. Raises SealError; a security event tells a forged state from an old one."""
        try:
            if not SEALED.fullmatch(sealed):
                raise InvalidToken  # noqa: TRY301
            content = json.loads(self._fernet.decrypt_at_time(sealed.encode("utf-8", "replace"), max_age, int(at.timestamp())))
        except (InvalidToken, ValueError):
            if sealed and not self._is_ours(sealed):
                security.record(security.Event.SEAL_REFUSED, "forged")
            raise SealError from None
        if not isinstance(content, dict) or content.get("kind") != kind:
            security.record(security.Event.SEAL_REFUSED, "other_use")
            raise SealError
        return cast(dict[str, Any], content["state"])

    def _is_ours(self, sealed: str) -> bool:
        """Whether a state that does not open was sealed here, and is only too old."""
        if not SEALED.fullmatch(sealed):
            return False
        try:
            self._fernet.extract_timestamp(sealed.encode("utf-8", "replace"))
        except InvalidToken:
            return False
        return True

    def digest(self, purpose: Purpose, text: str) -> str:
        """Keyed SHA-256, hexadecimal; equal texts for different purposes have unrelated digests."""
        return hmac.new(self.key(purpose), text.encode(), sha256).hexdigest()

    def key(self, purpose: Purpose) -> bytes:
        """The key of one purpose, derived from the hashing key (HKDF, RFC 5869)."""
        if purpose not in self._keys:
            self._keys[purpose] = HKDF(SHA256(), 32, salt=None, info=f"identity {purpose}".encode()).derive(self._root)
        return self._keys[purpose]


if __name__ == "__main__":
    print(Fernet.generate_key().decode())  # noqa: T201 (a command speaks to its user)
