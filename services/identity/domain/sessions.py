"""A person's session at identity: one sign-in in one browser, which serves several clients."""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

ABSOLUTE_LIFE = timedelta(hours=12)
IDLE_LIFE = timedelta(hours=1)
TOUCH_AFTER = timedelta(minutes=1)
"""The age from which the service writes the time of last use again. Not every page view is worth a write."""


class Session(BaseModel):
    """A session. Its `id` is public (the `sid` claim); the cookie holds another value, of which identity stores a digest."""

    model_config = ConfigDict(frozen=True)

    id: str
    account: str
    methods: tuple[str, ...]
    """How the person authenticated, as in the `amr` claim (RFC 8176)."""
    authenticated_at: datetime
    last_used_at: datetime

    @property
    def ends_at(self) -> datetime:
        return self.authenticated_at + ABSOLUTE_LIFE

    def is_alive(self, at: datetime) -> bool:
        return at < self.ends_at and at < self.last_used_at + IDLE_LIFE

    def needs_touch(self, at: datetime) -> bool:
        """Return whether the time of last use is old enough to be written again."""
        return at - self.last_used_at >= TOUCH_AFTER
