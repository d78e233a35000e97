"""The secrets of one platform, generated once in its data directory."""

import base64
import os
import secrets
import uuid
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deploy.embedded.errors import OperatorError
from deploy.embedded.files import write_whole


def _token() -> str:
    return secrets.token_urlsafe(32)


def _fernet() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def _uuid() -> str:
    return str(uuid.uuid4())


class _Generated(BaseModel):
    """Generates a field that an older file lacks; rejects a field that only a newer version knows."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NotifyService(_Generated):
    """A service of notifications: its identifiers, and the secrets of its API keys."""

    id: str = Field(default_factory=_uuid)
    live: str = Field(default_factory=_uuid)
    team: str = Field(default_factory=_uuid)
    test: str = Field(default_factory=_uuid)
    email_template: str = Field(default_factory=_uuid)
    sms_template: str = Field(default_factory=_uuid)
    reply_to: str = Field(default_factory=_uuid)
    sms_sender: str = Field(default_factory=_uuid)

    def key(self, name: str, type_: str = "live") -> str:
        """Return an API key in the form of the clients: name-service-secret."""
        return f"{name}-{self.id}-{getattr(self, type_)}"


class Secrets(_Generated):
    """All keys, passwords and the identifiers that belong to them."""

    identity_encryption_key: str = Field(default_factory=_fernet)
    identity_hashing_key: str = Field(default_factory=_token)
    notifications_secret_key: str = Field(default_factory=_fernet)
    data_sharing_secret_key: str = Field(default_factory=_fernet)
    addresses_secret_key: str = Field(default_factory=_fernet)
    portal_pages_key: str = Field(default_factory=_token)
    move_home_secret_key: str = Field(default_factory=_fernet)
    addresses_key: str = Field(default_factory=_token)

    sign_in_codes: NotifyService = Field(default_factory=NotifyService)
    move_home_messages: NotifyService = Field(default_factory=NotifyService)
    demo_messages: NotifyService = Field(default_factory=NotifyService)

    move_home_web: str = Field(default_factory=_token)
    move_home_machine: str = Field(default_factory=_token)
    move_home_addresses: str = Field(default_factory=_token)
    move_home_inboxes: dict[str, str] = Field(default_factory=dict)
    """Client secrets by GSS code."""
    demo_web: str = Field(default_factory=_token)
    borough_machines: dict[str, str] = Field(default_factory=dict)
    """Client secrets by GSS code."""


def load_secrets(path: Path, boroughs: tuple[str, ...]) -> Secrets:
    """Load the secrets in `path`, readable by its owner only; generate missing ones. Raises OperatorError for a damaged file."""
    try:
        known = path.read_text() if path.exists() else "{}"
        loaded = Secrets.model_validate_json(known)
    except (ValidationError, UnicodeDecodeError) as error:
        raise OperatorError(
            f"{path} is damaged or of another version, and what was encrypted with it cannot be read: restore it, or run `blocks reset`."
        ) from error
    made = {name: {borough: _token() for borough in boroughs} | getattr(loaded, name) for name in ("borough_machines", "move_home_inboxes")}
    loaded = loaded.model_copy(update=made)
    text = loaded.model_dump_json(indent=2) + "\n"
    if text != known:
        write_whole(path, text)
    return loaded
