"""Encrypts messages, each under a data key of its own, and the secrets and teams of services."""

import base64
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any

from shared import security
from shared.crypto import Envelope, SealError

from .domain.notifications import Envelope as Address
from .domain.notifications import Notification
from .domain.senders import ApiKey, Service
from .domain.templates import Content
from .settings import Settings
from .store.notifications import StoredNotification

FERNET_PREFIX = "gAAAA"
"""The first bytes of every Fernet token: version 0x80 and the zeros of its time."""


class Vault:
    """Encrypts under the service's newest secret key, and decrypts with all of them."""

    def __init__(self, settings: Settings) -> None:
        self._envelope = Envelope(settings.secret_key)
        self._keyring = self._envelope.keyring
        self._open = lru_cache(maxsize=10_000)(self._decrypted)

    # -- services ----------------------------------------------------------------------------------------------------------------------

    def sealed(self, secret: str) -> str:
        """Encrypt a secret for storage."""
        return self._keyring.seal(secret.encode()).decode()

    def opened(self, service: Service) -> Service:
        """Decrypt the service's key secrets and team. Raises `SealError` if their secret key is missing."""
        team = frozenset(self._member(member) for member in service.team)
        return replace(service, keys=tuple(self._opened_key(key) for key in service.keys), team=team)

    def resealed(self, service: Service) -> Service | None:
        """Encrypt the service under the newest key; None if it already is."""
        if all(self._keyring.is_current(text) for text in (*(key.secret for key in service.keys), *service.team)):
            return None
        plain = self.opened(service)
        keys = tuple(replace(key, secret=self.sealed(key.secret)) for key in plain.keys)
        return replace(plain, keys=keys, team=frozenset(self.sealed(member) for member in plain.team))

    # -- messages ----------------------------------------------------------------------------------------------------------------------

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of the secret keys, the newest first."""
        return self._keyring.key_ids

    def seal(self, notification: Notification) -> StoredNotification:
        """Encrypt the message's recipient and texts for storage."""
        key, content = self._envelope.new_key(), notification.content
        said = {
            "given_recipient": notification.original_recipient,
            "envelope": asdict(notification.envelope),
            "reference": notification.reference,
            "body": content.body,
            "subject": content.subject,
        }
        unsent = {"html": content.html, "text": content.text} if not notification.status.is_final else None
        return StoredNotification(
            **{name: getattr(notification, name) for name in StoredNotification.IN_CLEAR},
            reference=self._reference(notification.service, notification.reference),
            key=key,
            key_id=self.key_ids[0],
            sealed=self._seal(key, said),
            unsent=self._seal(key, unsent) if unsent and any(unsent.values()) else None,
        )

    def read(self, stored: StoredNotification | Notification) -> Notification:
        """Decrypt a stored message; returns one in clear unchanged. Raises `SealError` if its secret key is missing."""
        if isinstance(stored, Notification):
            return stored
        said = self._unseal(stored.key, stored.sealed)
        unsent = self._unseal(stored.key, stored.unsent) if stored.unsent else {}
        return Notification(
            **{name: getattr(stored, name) for name in StoredNotification.IN_CLEAR},
            reference=said["reference"],
            original_recipient=said["given_recipient"],
            envelope=Address(**said["envelope"]),
            content=Content(said["body"], said["subject"], unsent.get("html"), unsent.get("text")),
        )

    def rewrapped(self, stored: StoredNotification) -> StoredNotification:
        """Wrap the message's data key under the newest secret key."""
        reference = self._reference(stored.service, self._unseal(stored.key, stored.sealed)["reference"])
        return replace(stored, key=self._envelope.rewrapped(stored.key), key_id=self.key_ids[0], reference=reference)

    def references(self, service: str, reference: str) -> tuple[str, ...]:
        """Return the keyed digests of a service's reference, one under each secret key."""
        return self._keyring.digests("reference", f"{service}\0{reference}")

    def _reference(self, service: str, reference: str | None) -> str | None:
        return None if reference is None else self.references(service, reference)[0]

    def _seal(self, key: bytes, content: dict[str, Any]) -> bytes:
        return base64.urlsafe_b64decode(self._envelope.seal(key, content))  # a third smaller at rest

    def _unseal(self, key: bytes, sealed: bytes) -> dict[str, Any]:
        try:
            return self._envelope.open(key, base64.urlsafe_b64encode(sealed))
        except SealError:
            security.record(security.Event.SEAL_REFUSED, "at_rest")
            raise

    def _opened_key(self, key: ApiKey) -> ApiKey:
        return replace(key, secret=self._open(key.secret))

    def _member(self, member: str) -> str:
        return self._open(member) if member.startswith(FERNET_PREFIX) else member  # in clear: written by an earlier version

    def _decrypted(self, sealed: str) -> str:
        return self._keyring.open(sealed).decode()
