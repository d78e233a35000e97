"""How often one caller may ask, counted by the `limits` package in this process alone: N replicas allow N times as much.

A count that all replicas share would cost a round trip to the database for each request. The limits are meant to keep one caller from
taking a process away from all others, for which a process's own count is enough.
"""

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from shared.http.errors import Problem

WINDOW_SECONDS = 60


class Quota:
    """So many requests a minute for each caller. The first request of a caller begins its minute."""

    def __init__(self, name: str, per_minute: int) -> None:
        """`per_minute` of 0 sets no limit."""
        self._name, self._per_minute = name, per_minute
        self._item = RateLimitItemPerMinute(max(1, per_minute), namespace=name)
        self._counts = FixedWindowRateLimiter(MemoryStorage())

    def take(self, caller: str) -> None:
        """Count one request. Raises a 429 problem where the caller has none left."""
        if self._per_minute and not self._counts.hit(self._item, caller):
            raise self._exceeded(caller)

    def require_any(self, caller: str) -> None:
        """Raises a 429 problem where the caller has none left; counts nothing."""
        if self._per_minute and not self._counts.test(self._item, caller):
            raise self._exceeded(caller)

    def _exceeded(self, caller: str) -> Problem:
        """With `Retry-After` (RFC 9110, section 10.2.3) and the fields of draft-ietf-httpapi-ratelimit-headers-10."""
        wait = max(1, math.ceil(self._counts.get_window_stats(self._item, caller).reset_time - time.time()))
        headers = {
            "Retry-After": str(wait),
            "RateLimit-Policy": f'"{self._name}";q={self._per_minute};w={WINDOW_SECONDS}',
            "RateLimit": f'"{self._name}";r=0;t={wait}',
        }
        detail = f"At most {self._per_minute} requests a minute. Try again in {wait} seconds."
        return Problem(429, detail, type="too-many-requests", headers=headers)
