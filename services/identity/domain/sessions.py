"""A person's session at identity: one sign-in on one browser, from which clients are served without asking again."""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

ABSOLUTE_LIFE = timedelta(hours=12)
IDLE_LIFE = timedelta(hours=1)
TOUCH_AFTER = timedelta(minutes=1)
"""How stale the time of last use may become before it is written again; a page view is not worth a write."""


class Session(BaseModel):
    """The session's `id` is public (the `sid` claim); the secret in the cookie is another value, of which only a digest is kept."""

    model_config = ConfigDict(frozen=True)

    id: str
    account: str
    methods: tuple[str, ...]
    """How the person proved who they are, as in the `amr` claim (RFC 8176)."""
    authenticated_at: datetime
    last_used_at: datetime

    @property
    def ends_at(self) -> datetime:
        return self.authenticated_at + ABSOLUTE_LIFE

    def is_alive(self, at: datetime) -> bool:
        return at < self.ends_at and at < self.last_used_at + IDLE_LIFE

    def wants_touch(self, at: datetime) -> bool:
        """Whether the time of last use is old enough to be written again."""
        return at - self.last_used_at >= TOUCH_AFTER
