"""How often something happened in a window of time, counted across all replicas."""

from datetime import datetime

from shared.mongo import Scope


class Counters:
    def __init__(self, scope: Scope) -> None:
        self._rows = scope.collection("counters")

    async def count(self, what: str, until: datetime) -> int:
        """Count one more of `what` (a digest, never an address itself) in the window that ends at `until`; gives how many by now."""
        row = await self._rows.find_one_and_update(
            {"_id": _key(what, until)}, {"$inc": {"count": 1}, "$setOnInsert": {"expires_at": until}}, upsert=True
        )
        return int(row["count"]) if row else 1

    async def counted(self, what: str, until: datetime) -> int:
        """How many of `what` were counted in the window that ends at `until`."""
        row = await self._rows.find_one({"_id": _key(what, until)})
        return int(row["count"]) if row else 0


def _key(what: str, until: datetime) -> str:
    return f"{what}:{int(until.timestamp())}"
