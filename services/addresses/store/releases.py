"""Queries about announced releases."""

from datetime import datetime

from shared.mongo import Scope


class Releases:
    """Releases whose `ReleasePublished` event is committed."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("releases")

    async def is_announced(self, release: str) -> bool:
        """Return whether the release's event is committed."""
        return await self._rows.find_one({"_id": release}) is not None

    async def insert(self, release: str, *, content_hash: str, counts: dict[str, int], published_at: datetime) -> None:
        """Insert the row of an announced release. Raises `Duplicate` if another replica was first."""
        await self._rows.insert_one({"_id": release, "content_hash": content_hash, "counts": counts, "published_at": published_at})
