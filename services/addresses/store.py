"""What the service keeps in its database: which releases have been announced. Requests are answered from the release alone."""

from datetime import datetime

from shared.mongo import Database, Scope, Transaction


class Releases:
    """Queries about announced releases."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("releases")

    async def is_announced(self, release: str) -> bool:
        """Whether its event has been committed."""
        return await self._rows.find_one({"_id": release}) is not None

    async def insert(self, release: str, *, content_hash: str, counts: dict[str, int], published_at: datetime) -> None:
        """Note an announcement. Raises `Duplicate` where another replica was first."""
        await self._rows.insert_one({"_id": release, "content_hash": content_hash, "counts": counts, "published_at": published_at})


class Repositories(Scope):
    """The service's collections."""

    @property
    def releases(self) -> Releases:
        """Announced releases."""
        return Releases(self)


class Tx(Transaction, Repositories):
    """One transaction of this service."""


class Store(Database[Tx], Repositories):
    """The service's database."""

    transaction_type = Tx
