"""Rules for sign-in by a code sent by email."""

import hmac
import ipaddress
import re
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from .accounts import Sealed

CODE_DIGITS = 8
CODE_LIFE = timedelta(minutes=10)
MAX_TRIES = 5
LIMIT_WINDOW = timedelta(minutes=15)
METHODS = ("otp",)
"""RFC 8176: a one-time password, here sent by email."""


DEVICE_LIFE = timedelta(days=180)
ADDRESSES_OF_A_DEVICE = 5


class Device(BaseModel):
    """A browser that signed in before, known by a cookie of its own (OWASP's device cookie).

    It has its own count of codes, so nobody else's requests use it up. It authenticates nobody.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    addresses: tuple[str, ...]
    """Keyed digests of the addresses that signed in with it, latest first."""

    def knows(self, email_key: str) -> bool:
        """Return whether the owner of this address has signed in with it."""
        return email_key in self.addresses

    def with_address(self, email_key: str) -> "Device":
        """Return the device after a sign-in with this address."""
        others = tuple(known for known in self.addresses if known != email_key)
        return self.model_copy(update={"addresses": (email_key, *others)[:ADDRESSES_OF_A_DEVICE]})


class Attempt(BaseModel):
    """One code, sent to one address, for one browser."""

    model_config = ConfigDict(frozen=True)

    id: str
    email: Sealed
    email_key: str
    browser: str
    """Digest of the requesting browser's cookie. The code works in no other browser, so phishing it is useless."""
    code_digest: str
    """Keyed digest over code and attempt id, so that it reveals nothing about the same code of another attempt."""
    expires_at: datetime
    tries: int = 0
    """Codes entered so far."""
    used_at: datetime | None = None

    def is_open(self, at: datetime) -> bool:
        return self.used_at is None and at < self.expires_at and self.tries < MAX_TRIES

    def answers(self, digest: str) -> bool:
        """Return whether this is the digest of the code."""
        return hmac.compare_digest(self.code_digest, digest)


def typed_code(text: str) -> str | None:
    """Return a typed or pasted code without spaces and dashes; None if it does not have eight digits."""
    digits = re.sub(r"[\s\-\u2010-\u2015]", "", text)
    return digits if re.fullmatch(rf"[0-9]{{{CODE_DIGITS}}}", digits) else None


def network_of(address: str) -> str:
    """Return the network of an address: an IPv4 address, or an IPv6 /64, because one household has all of it."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


def wide_network_of(address: str) -> str:
    """Return the network whose requests for one address share a count: an IPv4 address, or an IPv6 /48, because anyone can rent one."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address) and not ip.ipv4_mapped:
        return str(ipaddress.ip_network((ip, 48), strict=False))
    return network_of(address)


def pause_after(failures: int) -> timedelta:
    """Return the wait before the next attempt to send a code: 1, 2, 4, ... seconds, at most 15, because a person waits."""
    return timedelta(seconds=min(2 ** max(failures - 1, 0), 15))
