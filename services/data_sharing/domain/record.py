"""The record's entries: who did what with which items of whom, when, and by which law. They never contain the items' values."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

import rfc8785
from pydantic import BaseModel, ConfigDict, Field

from contracts.events.base import Event

from . import merkle
from .agreement import Agreement
from .decision import Refused
from .text import Purpose


class Action(StrEnum):
    """The action of an entry."""

    SHARED = "shared"
    READ = "read"
    REFUSED = "refused"
    AGREEMENT_CHANGED = "agreement_changed"


class Ground(BaseModel):
    """The purpose and the law, as the agreement stated them at that moment."""

    model_config = ConfigDict(frozen=True)

    purpose: str
    aim: str | None = None
    lawful_basis: str | None = None
    """DPV IRI; None if the agreement lacks the purpose (a refusal)."""
    legal_power: str | None = None

    @classmethod
    def of(cls, id: str, purpose: Purpose | None) -> Self:  # noqa: A002 (the purpose's id)
        """Return the purpose of an agreement's text; a bare id if the text lacks it."""
        if purpose is None:
            return cls(purpose=id)
        return cls(purpose=id, aim=purpose.aim, lawful_basis=purpose.lawful_basis, legal_power=purpose.legal_power)


def _salt() -> str:
    return secrets.token_hex(16)


_CAME_LATER = {"sector", "sender"}


class Entry(BaseModel):
    """One line of the record. It never changes; its leaf hash covers every field."""

    model_config = ConfigDict(frozen=True)

    id: str
    at: datetime
    action: Action
    agreement: str = ""
    """Empty, like title and hash, if no agreement binds the boroughs (a refusal)."""
    agreement_title: str = ""
    agreement_revision: int = 0
    """The revision of the agreement at the decision."""
    text_sha256: str = ""
    by: str
    """GSS code of the borough that acted: sent, read, asked in vain, or changed the agreement."""
    recipient: str | None = None
    """GSS code of the recipient."""
    subject: str | None = None
    """Pseudonym of the citizen; None for a change of the agreement."""
    sector: str | None = None
    """Sector of the pseudonym (OpenID Connect Core, section 8.1); None in entries older than this field."""
    sender: str | None = None
    """GSS code of the sender; None without one, and in entries older than this field."""
    share: str | None = None
    ground: Ground | None = None
    items: tuple[str, ...] = ()
    """Names of the items shared or read; empty for a refusal."""
    detail: str | None = None
    """The change of the agreement, or the reason of a refusal."""
    salt: str = Field(default_factory=_salt)
    """A random salt, so that nobody can guess an entry from its published leaf hash."""

    def canonical(self) -> bytes:
        """Return the entry as the tree holds it: canonical JSON (RFC 8785).

        Fields that came later are left out where they say nothing, so that earlier entries keep their leaves.
        """
        fields = self.model_dump(mode="json")
        return rfc8785.dumps({name: value for name, value in fields.items() if value is not None or name not in _CAME_LATER})

    def leaf(self) -> bytes:
        """Return the entry's leaf hash (RFC 6962, section 2.1)."""
        return merkle.leaf_hash(self.canonical())


def changed(id: str, agreement: Agreement, event: Event, *, by: str, at: datetime) -> Entry:  # noqa: A002
    """Return the entry of an agreement's step."""
    return Entry(
        id=id,
        at=at,
        action=Action.AGREEMENT_CHANGED,
        agreement=agreement.ref,
        agreement_title=agreement.text.title,
        agreement_revision=event.sequence,
        text_sha256=agreement.text_sha256,
        by=by,
        detail=event.event_type.split(".")[-2],
    )


@dataclass(frozen=True)
class Matter:
    """The subject matter of a share, in all its entries: whose data, for which purpose, from whom, to whom."""

    subject: str
    sector: str
    """The sector of the sender's client, whose pseudonyms identify nobody in another sector."""
    purpose: str
    sender: str
    """GSS code."""
    recipient: str
    """GSS code."""
    share: str | None = None
    """The share's id; None for a refusal."""


def moved(
    id: str,  # noqa: A002
    action: Action,
    agreement: Agreement,
    matter: Matter,
    *,
    by: str,
    items: tuple[str, ...],
    at: datetime,
) -> Entry:
    """Return the entry of a share or of its reading."""
    return Entry(id=id, at=at, action=action, by=by, items=items, **_about(agreement, matter))


def refused(
    id: str,  # noqa: A002
    refusal: Refused,
    matter: Matter,
    *,
    by: str,
    at: datetime,
) -> Entry:
    """Return the entry of a refused share or reading, without its content."""
    return Entry(id=id, at=at, action=Action.REFUSED, by=by, detail=refusal.reason.value, **_about(refusal.agreement, matter))


def _about(agreement: Agreement | None, matter: Matter) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "subject": matter.subject,
        "sector": matter.sector,
        "sender": matter.sender,
        "recipient": matter.recipient,
        "share": matter.share,
        "ground": Ground.of(matter.purpose, agreement.text.purpose(matter.purpose) if agreement else None),
    }
    if agreement is not None:
        fields |= {
            "agreement": agreement.ref,
            "agreement_title": agreement.text.title,
            "agreement_revision": agreement.revision,
            "text_sha256": agreement.text_sha256,
        }
    return fields
