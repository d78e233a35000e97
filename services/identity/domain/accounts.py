"""Accounts, and the email addresses by which people are known here."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NewType

from pydantic import BaseModel, ConfigDict

Sealed = NewType("Sealed", str)
"""A personal value as it is stored: encrypted. Only the vault opens it."""

Kind = Literal["citizen", "staff"]

MAX_ADDRESS = 320
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"^[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~-]+)*@(?:{_LABEL}\.)+{_LABEL}$")


class Account(BaseModel):
    """One person's account; its personal values stay sealed wherever the account goes."""

    model_config = ConfigDict(frozen=True)

    id: str
    email_key: str
    """Keyed digest of the normalised address: finds the account without opening anything."""
    email: Sealed
    name: Sealed | None = None
    uprn: Sealed | None = None
    kind: Kind = "citizen"
    borough: str | None = None
    """GSS code of the borough that a member of staff works for, or a citizen lives in."""
    roles: tuple[str, ...] = ()
    created_at: datetime | None = None
    """First sign-in; None while the account is only expected (a borough registered the person, who has not come yet)."""


@dataclass(frozen=True)
class Person:
    """An account opened for the one answer that needs its personal values. Never stored, never logged."""

    email: str
    name: str | None
    kind: Kind
    borough: str | None
    roles: tuple[str, ...]


def normalised_address(text: str) -> str | None:
    """The address as it is compared and sent to: trimmed, lower case, the domain in its ASCII form (IDNA).

    None where it is not an address.
    """
    local, at, domain = text.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii") if domain else ""
    except UnicodeError:
        return None
    address = f"{local}{at}{domain}".lower()
    if len(local) > 64 or len(domain) > 253 or len(address) > MAX_ADDRESS or not _ADDRESS.match(address):
        return None
    return address
