"""How often one caller may ask: a bucket of tokens that fills at a steady rate (RFC 6585, section 4, is what an empty one answers)."""

from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    """`tokens` are left as of `at` (seconds of a monotonic clock); up to `size` gather, `per_second` of them each second."""

    size: float
    per_second: float
    tokens: float
    at: float

    def take(self, now: float) -> float:
        """Use one token. 0 where there was one, else the seconds until there will be."""
        self.tokens = min(self.size, self.tokens + (now - self.at) * self.per_second)
        self.at = now
        if self.tokens < 1:
            return (1 - self.tokens) / self.per_second
        self.tokens -= 1
        return 0.0
