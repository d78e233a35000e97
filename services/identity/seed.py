"""First data: clients and people from a file. Loading it again changes nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from shared.events import new_id
from shared.service import StartError

from .domain.accounts import Account, Kind, normalised_address
from .domain.clients import Client, GrantType, Profile
from .store import Store
from .vault import Vault


class SeedClient(BaseModel):
    """A client in the seed file. `sector` defaults to the borough, whose clients then share their subjects."""

    model_config = ConfigDict(extra="forbid")

    client_id: str
    client_secret: SecretStr | None = Field(default=None, min_length=32)
    """A generated value of high entropy; identity stores its digest alone. Absent for a public client or one with `jwks`."""
    jwks: dict[str, Any] | None = None
    name: str
    client_uri: str | None = None
    borough: str
    sector: str | None = None
    profile: Profile = Profile.BASIC
    grant_types: frozenset[GrantType]
    scopes: frozenset[str]
    redirect_uris: tuple[str, ...] = ()
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None

    def registered(self, vault: Vault) -> Client:
        """Return the client to store."""
        secret = self.client_secret.get_secret_value() if self.client_secret else None
        return Client(
            **self.model_dump(exclude={"client_secret", "sector"}),
            sector=self.sector or self.borough,
            secret_digest=vault.digest("client-secret", secret) if secret else None,
        )


class SeedPerson(BaseModel):
    """A person registered before their first sign-in: a member of staff with roles, or a citizen with a name."""

    model_config = ConfigDict(extra="forbid")

    email: str
    name: str | None = Field(default=None, max_length=200)
    kind: Kind = "citizen"
    borough: str | None = Field(default=None, pattern=r"^E09\d{6}$")
    roles: tuple[str, ...] = ()
    uprn: str | None = Field(default=None, pattern=r"^\d{1,12}$")

    @field_validator("email")
    @classmethod
    def _is_address(cls, value: str) -> str:
        address = normalised_address(value)
        if address is None:
            raise ValueError("is not an email address")
        return address

    @model_validator(mode="after")
    def _staff_have_a_borough(self) -> "SeedPerson":
        if (self.kind == "staff" and self.borough is None) or (self.kind == "citizen" and self.roles):
            raise ValueError("staff have a borough, and only staff have roles")
        return self

    def expected(self, vault: Vault) -> Account:
        """Return the account to store until this person's first sign-in."""
        return Account(
            id=new_id(),
            email_key=vault.digest("address", self.email),
            email=vault.seal(self.email),
            name=vault.seal(self.name) if self.name else None,
            uprn=vault.seal(self.uprn) if self.uprn else None,
            kind=self.kind,
            borough=self.borough,
            roles=self.roles,
        )


class Seed(BaseModel):
    """The seed file."""

    model_config = ConfigDict(extra="forbid")

    clients: tuple[SeedClient, ...] = ()
    people: tuple[SeedPerson, ...] = ()


def loader(store: Store, vault: Vault) -> Callable[[Path], Awaitable[None]]:
    """Return the function that loads a seed file into this service's database."""

    async def load(path: Path) -> None:
        try:
            seed = Seed.model_validate_json(await asyncio.to_thread(path.read_bytes))
            clients = [client.registered(vault) for client in seed.clients]
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]  # without its input, which may be a secret
            where = ".".join(str(part) for part in first["loc"]) or "a client"
            raise StartError(f"identity: {path.name}: {where}: {first['msg']}") from None
        for client in clients:
            await store.clients.save(client)
        for person in seed.people:
            await store.accounts.register(person.expected(vault))

    return load
