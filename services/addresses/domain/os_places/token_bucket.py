"""Limits the request rate of a caller by a token bucket; an empty bucket means status 429 (RFC 6585, section 4)."""

from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    """A bucket of at most `size` tokens that gains `per_second` tokens a second.

    `tokens` is the level at the time `at`, in seconds of a monotonic clock.
    """

    size: float
    per_second: float
    tokens: float
    at: float

    def take(self, now: float) -> float:
        """Takes a token and returns 0, or returns the seconds until the next token."""
        self.tokens = min(self.size, self.tokens + (now - self.at) * self.per_second)
        self.at = now
        if self.tokens < 1:
            return (1 - self.tokens) / self.per_second
        self.tokens -= 1
        return 0.0
