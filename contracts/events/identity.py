"""Events of the identity block."""

from datetime import datetime
from typing import Literal

from .base import Event, Key

ACCOUNTS = "identity.accounts"


class AccountCreated(Event, type="identity.account.created", version=1, topic=ACCOUNTS):
    """A citizen or a member of staff has signed in for the first time."""

    account: str = Key()
    kind: Literal["citizen", "staff"]
    created_at: datetime


class SessionStarted(Event, type="identity.session.started", version=1, topic=ACCOUNTS):
    """An account has signed in on a browser."""

    account: str = Key()
    session: str
    methods: tuple[str, ...]
    """Authentication methods used, as in the `amr` claim (RFC 8176)."""
    started_at: datetime
