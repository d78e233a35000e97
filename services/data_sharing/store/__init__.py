"""The queries of data sharing."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import ClassVar

from shared.mongo import Database, Index, Scope, Transaction, unit_of_work

from .agreements import Agreements
from .record import Record
from .shares import Inbox, Shares


class Repositories(Scope):
    """The collections of data sharing, inside a transaction or outside."""

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
    async def independent_transaction(self) -> AsyncIterator[Tx]:
        """Open a transaction outside the request's unit of work. It commits a refusal although the request's answer is an error."""
        token = unit_of_work.set(None)
        try:
            async with self.transaction() as tx:
                yield tx
        finally:
            unit_of_work.reset(token)


__all__ = ["Store", "Tx"]
