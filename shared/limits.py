"""Quotas of callers in windows of time, counted over all replicas through the database (PyPI `limits`).

Windows are fixed, and aligned to the clock. Two storages serve two purposes:

- `_Exact` counts each hit in the database. Without the database it raises `DatabaseError`: the limit fails closed, with a 503.
- `_Slices` counts in memory, and adds its own hits to the count of all replicas once they make a slice of the quota. A caller far from its
  quota costs no round trip. N replicas let through at most N slices too much. Without the database each counts for itself: the limit fails
  open.
"""

import asyncio
import logging
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from limits import RateLimitItemPerSecond
from limits.aio.storage import Storage
from limits.aio.strategies import FixedWindowRateLimiter

from shared.clock import now
from shared.http.errors import Problem
from shared.mongo import Collection, DatabaseError

log = logging.getLogger(__name__)
COLLECTION = "limits"
SLICES = 50
"""Slices of a quota. A process settles a quota of 3,000 every 60 hits."""
SETTLE_SECONDS = 1.0
"""The longest wait of a request for the count of all replicas."""
LOCAL_SECONDS = 10.0
"""Time for which a process counts for itself after the database did not answer."""


class _Windows(Storage):
    """A storage with consecutive windows of `seconds`."""

    STORAGE_SCHEME = None

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self._seconds = seconds

    @property
    def base_exceptions(self) -> type[Exception]:
        return DatabaseError

    @property
    def until(self) -> int:
        """The end of the current window, in seconds since 1970."""
        return (int(now().timestamp()) // self._seconds + 1) * self._seconds

    async def get_expiry(self, key: str) -> float:  # noqa: ARG002 (all keys have the same windows)
        return float(self.until)

    async def check(self) -> bool:
        return True


class _Exact(_Windows):
    """The counts of all replicas, in the database alone."""

    def __init__(self, rows: Collection, seconds: int) -> None:
        super().__init__(seconds)
        self._rows = rows

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:  # noqa: ARG002 (the window is this storage's)
        until = self.until
        change = {"$inc": {"count": amount}, "$setOnInsert": {"expires_at": datetime.fromtimestamp(until, UTC)}}
        row = await self._rows.find_one_and_update({"_id": _row_id(key, until)}, change, upsert=True)
        return int(row["count"]) if row else amount

    async def get(self, key: str) -> int:
        row = await self._rows.find_one({"_id": _row_id(key, self.until)})
        return int(row["count"]) if row else 0

    async def reset(self) -> int:
        return await self._rows.delete_many({})

    async def clear(self, key: str) -> None:
        await self._rows.delete_one({"_id": _row_id(key, self.until)})


@dataclass(slots=True)
class _Count:
    all_replicas: int = 0
    """The hits of all replicas at the last settlement, including this process's settled ones."""
    own: int = 0
    """Hits of this process that are not settled yet."""
    is_settling: bool = False


class _Slices(_Windows):
    """Counts in memory, and settles with all replicas a slice at a time; never if there are none."""

    def __init__(self, all_replicas: _Exact | None, seconds: int, slice_: int) -> None:
        super().__init__(seconds)
        self._all_replicas, self._slice = all_replicas, slice_
        self._window = 0
        self._counts: dict[str, _Count] = {}
        self._local_until = float("-inf")

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        count = self._count(key)
        count.own += amount
        if self._all_replicas is not None and count.own >= self._slice and not count.is_settling and time.monotonic() >= self._local_until:
            await self._settle(self._all_replicas, key, expiry, count)
        return count.all_replicas + count.own

    async def get(self, key: str) -> int:
        count = self._count(key)
        return count.all_replicas + count.own

    async def reset(self) -> int:
        self._counts = {}
        return 0

    async def clear(self, key: str) -> None:
        self._counts.pop(key, None)

    def _count(self, key: str) -> _Count:
        if self._window != (until := self.until):
            self._window, self._counts = until, {}
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = _Count()
        return count

    async def _settle(self, all_replicas: _Exact, key: str, expiry: int, count: _Count) -> None:
        settled, count.is_settling = count.own, True
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                count.all_replicas = await all_replicas.incr(key, expiry, settled)
            count.own -= settled
        except (DatabaseError, TimeoutError) as error:
            self._local_until = time.monotonic() + LOCAL_SECONDS
            log.warning("limits are counted by this process alone for a while: %s", type(error).__name__)
        finally:
            count.is_settling = False


class Quota:
    """At most `amount` hits of one caller in a window of `seconds`; an amount of 0 sets no limit.

    `rows` is the database's collection `limits`; without it this process counts for itself. `exact` counts each hit in the database, and
    raises `DatabaseError` if that fails.
    """

    def __init__(self, name: str, amount: int, *, seconds: int = 60, rows: Collection | None = None, exact: bool = False) -> None:
        self._name, self._amount, self._seconds = name, amount, seconds
        self._item = RateLimitItemPerSecond(max(1, amount), seconds, namespace=name)
        all_replicas = _Exact(rows, seconds) if rows is not None else None
        self._storage: _Windows = all_replicas if exact and all_replicas else _Slices(all_replicas, seconds, max(1, amount // SLICES))
        self._limiter = FixedWindowRateLimiter(self._storage)

    async def hit(self, caller: str) -> bool:
        """Count one hit. Returns False if the caller had none left."""
        return not self._amount or await self._limiter.hit(self._item, caller)

    async def has_room(self, caller: str) -> bool:
        """Return whether the caller has a hit left, without counting."""
        return not self._amount or await self._limiter.test(self._item, caller)

    @property
    def retry_after(self) -> int:
        """Seconds until the current window ends, at least 1."""
        return max(1, math.ceil(self._storage.until - now().timestamp()))

    async def take(self, caller: str) -> None:
        """Count one hit. Raises a 429 problem if the caller had none left."""
        if not await self.hit(caller):
            raise self._exceeded()

    async def require_room(self, caller: str) -> None:
        """Raise a 429 problem if the caller has no hit left, without counting."""
        if not await self.has_room(caller):
            raise self._exceeded()

    def _exceeded(self) -> Problem:
        """Return the problem with `Retry-After` (RFC 9110, section 10.2.3) and the fields of draft-ietf-httpapi-ratelimit-headers-10."""
        wait = self.retry_after
        headers = {
            "Retry-After": str(wait),
            "RateLimit-Policy": f'"{self._name}";q={self._amount};w={self._seconds}',
            "RateLimit": f'"{self._name}";r=0;t={wait}',
        }
        per = "a minute" if self._seconds == 60 else f"in {self._seconds} seconds"
        detail = f"At most {self._amount} requests {per}. Try again in {wait} seconds."
        return Problem(429, detail, type="too-many-requests", headers=headers)


def _row_id(key: str, until: int) -> str:
    """Return a short id for a caller's window, whatever the length of its name."""
    return f"{sha256(key.encode()).hexdigest()[:32]}/{until}"
