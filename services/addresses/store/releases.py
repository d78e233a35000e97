"""Queries about announced releases."""

from datetime import datetime

from shared.mongo import Scope


class Releases:
    """Which releases have been announced."""

    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("releases")

    async def is_announced(self, release: str) -> bool:
        """Whether its event has been committed."""
        return await self._rows.find_one({"_id": release}) is not None

    async def insert(self, release: str, *, content_hash: str, counts: dict[str, int], published_at: datetime) -> None:
        """Note an announcement. Raises `Duplicate` where another replica was first."""
        await self._rows.insert_one({"_id": release, "content_hash": content_hash, "counts": counts, "published_at": published_at})
