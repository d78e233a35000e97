"""Accounts, and the email addresses that identify people."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NewType

from pydantic import BaseModel, ConfigDict

Sealed = NewType("Sealed", str)
"""A personal value, encrypted. Only the vault decrypts it."""

Kind = Literal["citizen", "staff"]

MAX_ADDRESS = 320
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"^[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+)*@(?:{_LABEL}\.)+{_LABEL}$")


class Account(BaseModel):
    """One person's account. Its personal values stay encrypted."""

    model_config = ConfigDict(frozen=True)

    id: str
    email_key: str
    """Keyed digest of the normalised address, which finds the account without decryption."""
    email: Sealed
    name: Sealed | None = None
    uprn: Sealed | None = None
    kind: Kind = "citizen"
    borough: str | None = None
    """GSS code of the borough where a member of staff works, or a citizen lives."""
    roles: tuple[str, ...] = ()
    created_at: datetime | None = None
    """First sign-in; None until a person whom a borough registered signs in."""


@dataclass(frozen=True)
class Person:
    """An account's personal values, decrypted for one answer. Nobody stores or logs them."""

    email: str
    name: str | None
    kind: Kind
    borough: str | None
    roles: tuple[str, ...]


def normalised_address(text: str) -> str | None:
    """Return the address to compare and to send to: trimmed, lower case, with the domain in ASCII (IDNA). None if it is no address."""
    local, at, domain = text.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii") if domain else ""
    except UnicodeError:
        return None
    address = f"{local}{at}{domain}".lower()
    if len(local) > 64 or len(domain) > 253 or len(address) > MAX_ADDRESS or not _ADDRESS.match(address):
        return None
    return address
