"""Who sends: a council's service, its keys, and whom each kind of key may reach."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .recipients import Phone
from .refusals import Refusal


class KeyType(StrEnum):
    """What a key may do."""

    LIVE = "live"
    """Reaches anyone."""
    TEAM = "team"
    """Reaches the service's team and guest list only."""
    TEST = "test"
    """Reaches nobody: delivery is simulated."""


RETENTION_DAYS = 7
"""GOV.UK Notify's default."""
LEAST_RETENTION_DAYS, MOST_RETENTION_DAYS = 3, 90


@dataclass(frozen=True)
class ApiKey:
    """One key of a service. `secret` is what requests are signed with (HS256)."""

    id: str
    name: str
    type: KeyType
    secret: str
    revoked: bool = False


@dataclass(frozen=True)
class Sender:
    """A name or address that a service's messages come from or are answered to."""

    id: str
    value: str
    default: bool = False


@dataclass(frozen=True)
class Service:
    """A service that sends messages: a borough's, or one of the platform itself."""

    id: str
    name: str
    borough: str | None
    """GSS code; None for what the platform itself sends. No borough's token reaches such a service or its templates."""
    from_address: str
    reply_to: tuple[Sender, ...] = ()
    sms_senders: tuple[Sender, ...] = ()
    keys: tuple[ApiKey, ...] = ()
    team: frozenset[str] = frozenset()
    """Email addresses and phone numbers (E.164 without plus) that a team key reaches, the guest list included. Sealed at rest."""
    retention_days: int = RETENTION_DAYS
    """For how many days its messages are kept, 3 to 90."""
    active: bool = True
    international_sms: bool = False
    sms_to_landlines: bool = False

    def chosen_reply_to(self, asked: str | None) -> str | None:
        """The reply address that a request asked for, or the default one, or none."""
        return _chosen(self.reply_to, asked, f"email_reply_to_id {asked} does not exist in database for service id {self.id}")

    def chosen_sms_sender(self, asked: str | None) -> str | None:
        """The sender name that a request asked for, or the default one, or none."""
        return _chosen(self.sms_senders, asked, f"sms_sender_id {asked} does not exist in database for service id {self.id}")

    def allow_phone(self, phone: Phone) -> None:
        """Refuse a number abroad or on a landline where the service has no permission for it."""
        if phone.international and not phone.crown_dependency and not self.international_sms:
            raise Refusal.bad_request("Cannot send to international mobile numbers")
        if phone.landline and not self.sms_to_landlines:
            raise Refusal(400, ("InvalidPhoneError", "Not a UK mobile number"))

    def allow_recipient(self, recipient: str, key: ApiKey) -> None:
        """Refuse a recipient outside the team where the key is a team key."""
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
    """The caller of Notify's API: the service, and which of its keys signed the request."""

    service: Service
    key: ApiKey


IAT_TOLERANCE_SECONDS = 30
"""A token is good from 30 s before to 30 s after its `iat`."""


def is_in_time(iat: object, at: datetime) -> bool:
    """Whether the time of issue is near enough to now."""
    return isinstance(iat, int | float) and at.timestamp() - IAT_TOLERANCE_SECONDS <= iat <= at.timestamp() + IAT_TOLERANCE_SECONDS
