"""Everything that the app keeps: sessions with half-told moves, and moves."""

from typing import ClassVar

from shared.mongo import Database, Index, Scope, Transaction

from .moves import Moves, Told
from .sessions import Session, Sessions

__all__ = ["Moves", "Repositories", "Session", "Sessions", "Store", "Told", "Tx"]


class Repositories(Scope):
    """The queries, in whatever scope they run."""

    @property
    def sessions(self) -> Sessions:
        """Who is signed in."""
        return Sessions(self)

    @property
    def moves(self) -> Moves:
        """The moves that were submitted."""
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
