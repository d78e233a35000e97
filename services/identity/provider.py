"""The parts of the OpenID Provider that its endpoints share."""

from dataclasses import dataclass

from shared.pages import Pages

from .delivery import CodeDelivery
from .domain.accounts import Account, Person
from .domain.clients import Client
from .domain.subjects import pairwise_subject
from .session_end import LogoutDelivery
from .settings import Settings
from .signing_keys import SigningKeys
from .store import Store
from .vault import Vault


def subject_of(vault: Vault, issuer: str, account: str, client: Client) -> str:
    """Return the person's pairwise `sub` for a client."""
    return pairwise_subject(vault.key("subject"), issuer, client.sector, account)


@dataclass(frozen=True)
class Provider:
    """One issuer with its database, keys and pages."""

    settings: Settings
    store: Store
    vault: Vault
    keys: SigningKeys
    delivery: CodeDelivery
    logouts: LogoutDelivery
    pages: Pages

    @property
    def issuer(self) -> str:
        """The issuer identifier of every token (OpenID Connect Core section 2)."""
        return self.settings.public_url

    @property
    def has_https(self) -> bool:
        return self.settings.is_https

    def subject(self, account: str, client: Client) -> str:
        """Return the person's `sub` for this client."""
        return subject_of(self.vault, self.issuer, account, client)

    def open_person(self, account: Account) -> Person:
        """Decrypt the person's values for the one answer that needs them."""
        return Person(
            email=self.vault.open(account.email),
            name=self.vault.open(account.name) if account.name else None,
            kind=account.kind,
            borough=account.borough,
            roles=account.roles,
        )
