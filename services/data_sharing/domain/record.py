"""The record's entries: who did what with which items of whom, when, and by which law. Never the items' values."""

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
from .sharing import Refused
from .text import Purpose


class Action(StrEnum):
    """What happened."""

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
    """DPV IRI; None where the agreement does not know the purpose (a refusal)."""
    legal_power: str | None = None

    @classmethod
    def of(cls, id: str, purpose: Purpose | None) -> Self:  # noqa: A002 (the purpose's id)
        """The purpose as the agreement states it, or its bare id where the agreement does not know it."""
        if purpose is None:
            return cls(purpose=id)
        return cls(purpose=id, aim=purpose.aim, lawful_basis=purpose.lawful_basis, legal_power=purpose.legal_power)


def _salt() -> str:
    return secrets.token_hex(16)


_CAME_LATER = {"sector", "sender"}


class Entry(BaseModel):
    """One line of the record. It is never changed; its leaf commits to every field."""

    model_config = ConfigDict(frozen=True)

    id: str
    at: datetime
    action: Action
    agreement: str = ""
    """Empty, as the title and the hash are, where no agreement binds the boroughs (a refusal)."""
    agreement_title: str = ""
    agreement_revision: int = 0
    """The agreement's state under which this was decided."""
    text_sha256: str = ""
    by: str
    """GSS code of the borough that acted: sent, read, asked in vain, or changed the agreement."""
    recipient: str | None = None
    """GSS code of the borough that was to receive."""
    subject: str | None = None
    """Pseudonym of the citizen; None for a change of the agreement."""
    sector: str | None = None
    """Sector in which the pseudonym stands for that citizen (OpenID Connect Core, section 8.1). None in entries from before it was kept."""
    sender: str | None = None
    """GSS code of the borough that sent, or was to send. None where nothing was sent, and in entries from before it was kept."""
    share: str | None = None
    ground: Ground | None = None
    items: tuple[str, ...] = ()
    """Names of the items that moved or were read; nothing for a refusal."""
    detail: str | None = None
    """Which change it was, or why it was refused."""
    salt: str = Field(default_factory=_salt)
    """Random, so that nobody can guess an entry from its published leaf hash."""

    def canonical(self) -> bytes:
        """The entry as the tree holds it: canonical JSON (RFC 8785).

        Fields that came later are left out where they say nothing, so that earlier entries keep their leaves.
        """
        fields = self.model_dump(mode="json")
        return rfc8785.dumps({name: value for name, value in fields.items() if value is not None or name not in _CAME_LATER})

    def leaf(self) -> bytes:
        """The entry's leaf hash (RFC 6962, section 2.1)."""
        return merkle.leaf_hash(self.canonical())


def changed(id: str, agreement: Agreement, event: Event, *, by: str, at: datetime) -> Entry:  # noqa: A002
    """A step of the agreement itself."""
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
    """What a share is about, the same for everything that happens to it: whose data, for what, from whom, to whom."""

    subject: str
    sector: str
    """Of the sender's client: its pseudonyms stand for nobody in another sector."""
    purpose: str
    sender: str
    """GSS code."""
    recipient: str
    """GSS code."""
    share: str | None = None
    """The share's id; None where none was made."""


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
    """Data moved: it was shared, or its recipient read it."""
    return Entry(id=id, at=at, action=action, by=by, items=items, **_about(agreement, matter))


def refused(
    id: str,  # noqa: A002
    refusal: Refused,
    matter: Matter,
    *,
    by: str,
    at: datetime,
) -> Entry:
    """A share or a reading that no agreement allowed. Says that it was asked for, and holds nothing of the content."""
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
