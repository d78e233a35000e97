"""Identity's secrets, in two forms: sealed (encrypted, so that identity can decrypt them) and digested (keyed hash, for comparison only).

Codes, cookies and client secrets are random values of 128 bits or more; the eight-digit sign-in code lives for ten minutes and five tries.
A keyed SHA-256 suits them. A slow hash such as Argon2 defends passwords that people choose, and would add tens of milliseconds to each
machine token. Without the key, nobody can search a stolen database for known addresses and codes.
"""

import json
import re
from datetime import datetime
from typing import Any, Literal, cast

from cryptography.fernet import Fernet
from pydantic import SecretStr

from shared import security
from shared.crypto import Keyring, SealError, derived_key, digest

from .domain.accounts import Sealed

Purpose = Literal["address", "assertion", "browser", "client-secret", "code", "forms", "limit", "session", "sign-in-code", "subject"]
State = Literal["device", "logout", "sign-in"]
"""The use of a sealed state in a browser. A state of one use never passes for another."""


SEALED = re.compile(r"[A-Za-z0-9_-]+={0,2}")
"""The only accepted form of a sealed value: a lenient decoder ignores text after the padding."""


class Vault:
    """Holds the two keys, which no other part of the service sees."""

    def __init__(self, encryption_key: SecretStr, hashing_key: SecretStr) -> None:
        self._keyring = Keyring(encryption_key)
        self._root = hashing_key.get_secret_value().encode()

    def seal(self, text: str) -> Sealed:
        """Encrypt a value for storage."""
        return Sealed(self._keyring.seal(text.encode()).decode())

    def open(self, sealed: Sealed) -> str:
        """Decrypt a stored value. Raises SealError."""
        return self._keyring.open(sealed).decode()

    def seal_state(self, kind: State, state: dict[str, Any], at: datetime) -> str:
        """Encrypt a state that one page passes to the next, so that the browser cannot read or change it."""
        content = json.dumps({"kind": kind, "state": state}, separators=(",", ":"))
        return self._keyring.seal(content.encode(), at).decode()

    def open_state(self, kind: State, sealed: str, *, max_age: int, at: datetime) -> dict[str, Any]:
        """Decrypt a state at most `max_age` seconds old. Raises SealError, and records a forged state as a security event."""
        token = sealed.encode() if SEALED.fullmatch(sealed) else b""
        try:
            content = json.loads(self._keyring.open_fresh(token, max_age=max_age, at=at))
        except ValueError:
            if sealed and not self._keyring.sealed_here(token):
                security.record(security.Event.SEAL_REFUSED, "forged")
            raise SealError from None
        if not isinstance(content, dict) or content.get("kind") != kind:
            security.record(security.Event.SEAL_REFUSED, "other_use")
            raise SealError
        return cast(dict[str, Any], content["state"])

    def digest(self, purpose: Purpose, text: str) -> str:
        """Keyed SHA-256, hexadecimal; equal texts for different purposes have unrelated digests."""
        return digest(self.key(purpose), text.encode())

    def key(self, purpose: Purpose) -> bytes:
        """Return the key of one purpose, derived from the hashing key."""
        return derived_key(self._root, f"identity {purpose}")


if __name__ == "__main__":
    print(Fernet.generate_key().decode())  # noqa: T201 (a command speaks to its user)
