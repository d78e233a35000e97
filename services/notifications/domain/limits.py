"""How fast a service may call."""

from dataclasses import dataclass

RATE_PER_MINUTE = 3000
BURST = 1000


@dataclass
class TokenBucket:
    """Lets `burst` calls through at once and `per_second` in the long run. Times are seconds of a monotonic clock."""

    per_second: float
    burst: float
    tokens: float
    filled_at: float

    @classmethod
    def full(cls, at: float, *, per_minute: int = RATE_PER_MINUTE, burst: int = BURST) -> "TokenBucket":
        """A bucket that nobody has taken from."""
        return cls(per_minute / 60, float(burst), float(burst), at)

    def take(self, at: float) -> bool:
        """Take one token; False where there is none."""
        self.tokens = min(self.burst, self.tokens + max(0.0, at - self.filled_at) * self.per_second)
        self.filled_at = max(at, self.filled_at)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True
