"""First data: services with their keys, senders and templates, read from a JSON file. Loading it again changes nothing.

    {"services": [{"id": "uuid", "name": "Move home", "borough": "E09000012", "from_address": "move.home@example.com",
      "email_reply_to": [{"id": "uuid", "address": "...", "default": true}], "sms_senders": [{"id": "uuid", "sender": "HACKNEY"}],
      "keys": [{"name": "demo", "type": "live", "secret": "uuid"}], "team": ["ada@example.com", "07900900123"],
      "templates": [{"id": "uuid", "name": "Hello", "type": "email", "subject": "Hello ((name))", "body": "Hello ((name))"}]}]}

The key that a client is given is `{key name}-{service id}-{secret}`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.clock import now

from .domain.recipients import email_address, phone
from .domain.senders import LEAST_RETENTION_DAYS, MOST_RETENTION_DAYS, RETENTION_DAYS, ApiKey, KeyType, Sender, Service
from .domain.templates import Template
from .store import Store, Tx
from .vault import Vault

SEEDED_BY = "seed"


class _Seed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SeedKey(_Seed):
    """An API key; `secret` is a UUID."""

    name: str = Field(min_length=1, max_length=100)
    type: KeyType
    secret: UUID


class SeedReplyTo(_Seed):
    """An address that receives replies."""

    id: UUID
    address: str
    default: bool = False


class SeedSmsSender(_Seed):
    """A sender name of texts. If one is the default, texts have no service name in front."""

    id: UUID
    sender: str = Field(pattern=r"^[A-Za-z0-9 ]{3,11}$")
    default: bool = False


class SeedTemplate(_Seed):
    """A template. A changed text makes its next version."""

    id: UUID
    name: str
    type: Literal["email", "sms"]
    subject: str | None = None
    body: str


class SeedService(_Seed):
    """A service of a borough, or of the platform itself if `borough` is null, which the file must state."""

    id: UUID
    name: str
    borough: str | None = Field(pattern=r"^E09\d{6}$")
    from_address: str
    email_reply_to: list[SeedReplyTo] = []
    sms_senders: list[SeedSmsSender] = []
    keys: list[SeedKey] = []
    templates: list[SeedTemplate] = []
    team: list[str] = []
    retention_days: int = Field(default=RETENTION_DAYS, ge=LEAST_RETENTION_DAYS, le=MOST_RETENTION_DAYS)
    international_sms: bool = False

    @field_validator("team")
    @classmethod
    def _as_sent_to(cls, team: list[str]) -> list[str]:
        return [email_address(member) if "@" in member else phone(member).number for member in team]


class SeedFile(_Seed):
    """The whole file."""

    services: list[SeedService] = []


def loader(store: Store, vault: Vault) -> Callable[[Path], Awaitable[None]]:
    """Return the function that loads a seed file."""

    async def load(path: Path) -> None:
        for given in SeedFile.model_validate_json(await asyncio.to_thread(path.read_bytes)).services:
            async with store.transaction() as tx:
                await tx.services.put(_service(given, vault))
                for template in given.templates:
                    await _put_template(tx, str(given.id), template, of_platform=given.borough is None)

    return load


def _service(given: SeedService, vault: Vault) -> Service:
    service = str(given.id)
    return Service(
        id=service,
        name=given.name,
        borough=given.borough,
        from_address=given.from_address,
        reply_to=tuple(Sender(str(reply.id), reply.address, reply.default) for reply in given.email_reply_to),
        sms_senders=tuple(Sender(str(sender.id), sender.sender, sender.default) for sender in given.sms_senders),
        keys=tuple(ApiKey(f"{service}:{key.name}", key.name, key.type, vault.sealed(str(key.secret))) for key in given.keys),
        team=frozenset(vault.sealed(member) for member in given.team),
        retention_days=given.retention_days,
        international_sms=given.international_sms,
    )


async def _put_template(tx: Tx, service: str, given: SeedTemplate, *, of_platform: bool) -> None:
    """Write a template that is new or changed. A borough's own later versions stay; only the file writes the platform's templates."""
    current = await tx.templates.get(str(given.id), service=service)
    if current is None:
        await tx.templates.add(
            Template(
                id=str(given.id),
                service=service,
                type=given.type,
                name=given.name,
                version=1,
                body=given.body,
                subject=given.subject,
                created_at=now(),
                updated_at=None,
                created_by=SEEDED_BY,
            )
        )
    elif (of_platform or current.created_by == SEEDED_BY) and not current.same_text(
        name=given.name, body=given.body, subject=given.subject
    ):
        await tx.templates.revise(current.revised(name=given.name, body=given.body, subject=given.subject, by=SEEDED_BY, at=now()))
