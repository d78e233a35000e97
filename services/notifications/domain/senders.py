"""Senders: a council's service, its keys, and the recipients that each kind of key may reach."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .recipients import Phone
from .refusals import Refusal


class KeyType(StrEnum):
    """The kind of a key."""

    LIVE = "live"
    """Reaches anyone."""
    TEAM = "team"
    """Reaches the service's team and guest list only."""
    TEST = "test"
    """Reaches nobody: the service simulates delivery."""


RETENTION_DAYS = 7
"""GOV.UK Notify's default."""
LEAST_RETENTION_DAYS, MOST_RETENTION_DAYS = 3, 90


@dataclass(frozen=True)
class ApiKey:
    """One key of a service. Clients sign requests with its `secret` (HS256)."""

    id: str
    name: str
    type: KeyType
    secret: str
    revoked: bool = False


@dataclass(frozen=True)
class Sender:
    """A sender name of texts, or a reply address of emails."""

    id: str
    value: str
    default: bool = False


@dataclass(frozen=True)
class Service:
    """A service that sends messages, of a borough or of the platform itself."""

    id: str
    name: str
    borough: str | None
    """GSS code; None for the platform itself. No borough's token reaches such a service or its templates."""
    from_address: str
    reply_to: tuple[Sender, ...] = ()
    sms_senders: tuple[Sender, ...] = ()
    keys: tuple[ApiKey, ...] = ()
    team: frozenset[str] = frozenset()
    """Email addresses and phone numbers (E.164 without plus) that a team key reaches, including the guest list. Encrypted at rest."""
    retention_days: int = RETENTION_DAYS
    """Days for which the service keeps its messages, 3 to 90."""
    active: bool = True
    international_sms: bool = False
    sms_to_landlines: bool = False

    def chosen_reply_to(self, asked: str | None) -> str | None:
        """Return the requested reply address, or the default one, or None."""
        return _chosen(self.reply_to, asked, f"email_reply_to_id {asked} does not exist in database for service id {self.id}")

    def chosen_sms_sender(self, asked: str | None) -> str | None:
        """Return the requested sender name, or the default one, or None."""
        return _chosen(self.sms_senders, asked, f"sms_sender_id {asked} does not exist in database for service id {self.id}")

    def allow_phone(self, phone: Phone) -> None:
        """Refuse a foreign or landline number if the service has no permission for it."""
        if phone.international and not phone.crown_dependency and not self.international_sms:
            raise Refusal.bad_request("Cannot send to international mobile numbers")
        if phone.landline and not self.sms_to_landlines:
            raise Refusal(400, ("InvalidPhoneError", "Not a UK mobile number"))

    def allow_recipient(self, recipient: str, key: ApiKey) -> None:
        """Refuse a recipient outside the team if the key is a team key."""
        if key.type is KeyType.TEAM and recipient not in self.team:
            raise Refusal.bad_request("Can’t send to this recipient using a team-only API key")


def _chosen(senders: tuple[Sender, ...], asked: str | None, missing: str) -> str | None:
    if asked is None:
        return next((sender.value for sender in senders if sender.default), None)
    for sender in senders:
        if sender.id == asked.lower():
            return sender.value
    raise Refusal.bad_request(missing)


@dataclass(frozen=True)
class Authenticated:
    """The caller of Notify's API: the service, and the key that signed the request."""

    service: Service
    key: ApiKey


IAT_TOLERANCE_SECONDS = 30
"""A token is valid from 30 s before to 30 s after its `iat`."""


def is_in_time(iat: object, at: datetime) -> bool:
    """Return whether the time of issue is within the tolerance."""
    return isinstance(iat, int | float) and at.timestamp() - IAT_TOLERANCE_SECONDS <= iat <= at.timestamp() + IAT_TOLERANCE_SECONDS
