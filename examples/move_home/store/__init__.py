"""The app's database: sessions with unfinished moves, and submitted moves."""

from typing import ClassVar

from shared.mongo import Database, Index, Scope, Transaction

from .moves import Moves, SubmittedMove
from .sessions import Session, Sessions

__all__ = ["Moves", "Repositories", "Session", "Sessions", "Store", "SubmittedMove", "Tx"]


class Repositories(Scope):
    """The app's collections, in or outside a transaction."""

    @property
    def sessions(self) -> Sessions:
        """Sessions of signed-in browsers."""
        return Sessions(self)

    @property
    def moves(self) -> Moves:
        """Submitted moves."""
        return Moves(self)


class Tx(Transaction, Repositories):
    """One transaction of this app."""


class Store(Database[Tx], Repositories):
    """The app's database."""

    transaction_type = Tx
    indexes: ClassVar = {
        "sessions": [Index("expires_at", expire_after=0), Index("sid")],
        "moves": [Index("subject", "-submitted_at"), Index("reference")],
    }
