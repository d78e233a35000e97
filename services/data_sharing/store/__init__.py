"""The service's database: every query, and only queries."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import ClassVar

from shared.mongo import Database, Index, Scope, Transaction, unit_of_work

from .agreements import Agreements
from .record import Record
from .shares import Inbox, Shares


class Repositories(Scope):
    """What can be asked, in a transaction or outside of one."""

    @property
    def agreements(self) -> Agreements:
        return Agreements(self)

    @property
    def shares(self) -> Shares:
        return Shares(self)

    @property
    def inbox(self) -> Inbox:
        return Inbox(self)

    @property
    def record(self) -> Record:
        return Record(self)


class Tx(Transaction, Repositories):
    """One transaction of data sharing."""


class Store(Database[Tx], Repositories):
    """The database of data sharing."""

    transaction_type = Tx
    indexes: ClassVar[Mapping[str, list[Index]]] = {
        "agreements": [Index("parties", "_id")],
        "shares": [Index("client_id", "reference", "recipient", "purpose", unique=True)],
        "deliveries": [Index("recipient", "_id")],
        "record": [Index("subject", "_id")],
    }

    @asynccontextmanager
    async def separately(self) -> AsyncIterator[Tx]:
        """A transaction that stands whatever becomes of the request: a refusal is recorded although its answer is an error."""
        token = unit_of_work.set(None)
        try:
            async with self.transaction() as tx:
                yield tx
        finally:
            unit_of_work.reset(token)


__all__ = ["Store", "Tx"]
