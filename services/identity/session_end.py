"""The end of a session: ends its codes and tokens, and notifies the clients that it served (OpenID Connect Back-Channel Logout 1.0)."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from shared import retry
from shared.clock import now
from shared.events import new_id
from shared.mongo import DatabaseError
from shared.presence import Claims

from .adapters.back_channel import BackChannel, LogoutNotDeliveredError
from .domain.clients import Client
from .domain.sessions import ABSOLUTE_LIFE
from .domain.tokens import Issue, logout_token_claims
from .signing_keys import SigningKeys
from .store import Store, Tx
from .store.logouts import LogoutNotice

log = logging.getLogger(__name__)
MOST_AT_ONCE = 10
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0


async def end_session(tx: Tx, session: str, at: datetime) -> None:
    """End a session with its codes and tokens, and queue a notice for each client that it served. Does nothing for an ended session."""
    ended = await tx.sessions.end(session)
    if ended is None:
        return
    for sid in sorted(ended.ids):
        await tx.grants.end_of_session(sid, at)
        await tx.ended.add(sid, at)
    for served in ended.served:
        await tx.logouts.add(served.session, ended.account, served.client_id, at)


class LogoutDelivery:
    """Notifies clients of ended sessions.

    A notice leaves the queue when its client accepts it, or when no session can be that old. A crash before the removal repeats the notice,
    which has no effect at the client.
    """

    def __init__(
        self, store: Store, keys: SigningKeys, back_channel: BackChannel, *, issuer: str, subject: Callable[[str, Client], str]
    ) -> None:
        self._store, self._keys, self._back_channel = store, keys, back_channel
        self._issuer, self._subject = issuer, subject
        self._claims = Claims(store.presence, store.collection("logouts"))
        self.wake: Callable[[], object] = lambda: None
        """Wakes the worker. The worker polls too, so a lost wake-up only delays."""

    async def step(self) -> int:
        """Notify the clients whose notices are due, at most ten at once. Returns how many notices it claimed."""
        if not self._store.presence.is_certain:
            return 0
        await self._claims.sweep()
        try:
            notices = await self._claimed()
            async with asyncio.TaskGroup() as group:
                for notice in notices:
                    group.create_task(self._notify(notice))
        except* DatabaseError as failed:
            self._claims.look_again()  # this process may hold claims whose replies were lost
            raise failed.exceptions[0] from None
        return len(notices)

    async def _claimed(self) -> list[LogoutNotice]:
        notices: list[LogoutNotice] = []
        while len(notices) < MOST_AT_ONCE and (notice := await self._store.logouts.claim(self._store.presence.name, now())):
            notices.append(notice)
        return notices

    async def _notify(self, notice: LogoutNotice) -> None:
        client = await self._store.clients.get(notice.client_id)
        if client is not None and client.backchannel_logout_uri is not None and now() < notice.ended_at + ABSOLUTE_LIFE:
            issue = Issue(self._issuer, self._subject(notice.account, client), client, now())
            claims = logout_token_claims(issue, notice.session, new_id())
            try:
                await self._back_channel.send(client.backchannel_logout_uri, self._keys.sign(claims, "logout+jwt"))
            except LogoutNotDeliveredError as error:
                pause = timedelta(seconds=retry.pause(notice.failures + 1, first=FIRST_PAUSE, longest=LONGEST_PAUSE))
                log.warning("the client %s did not accept a logout token: %s", client.client_id, error)
                await self._store.logouts.postpone(notice.id, now() + pause)
                return
        await self._store.logouts.remove(notice.id)
