"""Signing in with a code sent by email."""

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
    """A browser that has signed in before, as a cookie of its own says (OWASP's device cookie).

    It keeps a room of its own for codes, whatever others ask for. It proves nothing else: nobody is signed in by it.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    addresses: tuple[str, ...]
    """Keyed digests of the addresses that signed in there, the latest first."""

    def knows(self, email_key: str) -> bool:
        """Whether the owner of this address has signed in there."""
        return email_key in self.addresses

    def also_knowing(self, email_key: str) -> "Device":
        """The device after a sign-in."""
        others = tuple(known for known in self.addresses if known != email_key)
        return self.model_copy(update={"addresses": (email_key, *others)[:ADDRESSES_OF_A_DEVICE]})


class Attempt(BaseModel):
    """One code, sent to one address, for one browser."""

    model_config = ConfigDict(frozen=True)

    id: str
    email: Sealed
    email_key: str
    browser: str
    """Digest of the cookie of the browser that asked: the code works nowhere else, so it cannot be fished for another one."""
    code_digest: str
    """Keyed, and over the attempt's id too: the digest of a code here says nothing about the same code elsewhere."""
    expires_at: datetime
    tries: int = 0
    """Codes entered so far."""
    used_at: datetime | None = None

    def is_open(self, at: datetime) -> bool:
        return self.used_at is None and at < self.expires_at and self.tries < MAX_TRIES

    def answers(self, digest: str) -> bool:
        """Whether the code with this digest is the one that was sent."""
        return hmac.compare_digest(self.code_digest, digest)


def typed_code(text: str) -> str | None:
    """The code as a person typed or pasted it, without spaces and dashes. None where it is not eight digits."""
    digits = re.sub(r"[\s\-\u2010-\u2015]", "", text)
    return digits if re.fullmatch(rf"[0-9]{{{CODE_DIGITS}}}", digits) else None


def network_of(address: str) -> str:
    """The network that counts as one source: an IPv4 address, or an IPv6 /64 because one household has all of it."""
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
    """The network from which requests for one address count together: an IPv4 address, or an IPv6 /48, of which anyone can rent one."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address) and not ip.ipv4_mapped:
        return str(ipaddress.ip_network((ip, 48), strict=False))
    return network_of(address)


def pause_after(failures: int) -> timedelta:
    """How long to wait before the next attempt at handing a code over: 1, 2, 4, ... seconds, 15 at most, since the person is waiting."""
    return timedelta(seconds=min(2 ** max(failures - 1, 0), 15))
