"""Every query of identity, one module per kind of document."""

from collections.abc import Mapping
from typing import ClassVar

from shared.mongo import Database, Index, Scope, Transaction

from .accounts import Accounts
from .attempts import Attempts
from .clients import Clients
from .code_queue import OutgoingCodes
from .grants import Grants
from .keys import Keys
from .logouts import EndedIds, LogoutNotices
from .sessions import Sessions

__all__ = ["Store", "Tx"]


class Repositories(Scope):
    """The collections of identity, inside a transaction or outside."""

    @property
    def accounts(self) -> Accounts:
        return Accounts(self)

    @property
    def clients(self) -> Clients:
        return Clients(self)

    @property
    def grants(self) -> Grants:
        return Grants(self)

    @property
    def keys(self) -> Keys:
        return Keys(self)

    @property
    def logouts(self) -> LogoutNotices:
        return LogoutNotices(self)

    @property
    def ended(self) -> EndedIds:
        return EndedIds(self)

    @property
    def outgoing(self) -> OutgoingCodes:
        return OutgoingCodes(self)

    @property
    def sessions(self) -> Sessions:
        return Sessions(self)

    @property
    def attempts(self) -> Attempts:
        return Attempts(self)


class Tx(Transaction, Repositories):
    """One transaction of identity."""


class Store(Database[Tx], Repositories):
    """Identity's database."""

    transaction_type = Tx
    indexes: ClassVar[Mapping[str, list[Index]]] = {
        "accounts": [Index("email_key", unique=True)],
        "assertions": [Index("expires_at", expire_after=0)],
        "attempts": [Index("expires_at", expire_after=3600)],
        "grants": [
            Index("code_digest", unique=True),
            Index("token_id", unique=True, only={"token_id": {"$type": "string"}}),
            Index("session.id"),
            Index("issued_at", expire_after=3600),
        ],
        "keys": [Index("generation", unique=True)],
        "logouts": [Index("due_at"), Index("holder")],
        "ended": [Index("ended_at", expire_after=3600)],
        "outgoing": [Index("due_at"), Index("holder")],
        "sessions": [Index("cookie_digest", unique=True), Index("served.session"), Index("authenticated_at", expire_after=12 * 3600)],
    }
