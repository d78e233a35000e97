"""Sends sign-in codes through notifications, from a queue that survives outages and crashes."""

import logging
from collections.abc import Callable

from shared import security
from shared.clock import now
from shared.mongo import DatabaseError
from shared.presence import Claims
from shared.telemetry import continued

from .adapters.notifications import MisconfiguredError, Notifications, RefusedError, UnreachableError
from .domain.sign_in import pause_after
from .store import Store
from .store.code_queue import OutgoingCode
from .vault import Vault

log = logging.getLogger(__name__)


class CodeDelivery:
    """Sends the codes that are due.

    A code leaves the queue when notifications accepts it or rejects its address, or when it expires. Another rejection is an operator's
    fault, so the worker retries until the code expires. A crash before the removal repeats the request under the same Idempotency-Key,
    which has no effect.
    """

    def __init__(self, store: Store, vault: Vault, notifications: Notifications) -> None:
        self._store = store
        self._vault = vault
        self._notifications = notifications
        self._claims = Claims(store.presence, store.collection("outgoing"))
        self.wake: Callable[[], object] = lambda: None
        """Wakes the worker. The worker polls too, so a lost wake-up only delays."""
        self._refused = False

    async def step(self) -> int:
        """Send one code that is due. Returns how many it claimed, 0 or 1."""
        if not self._store.presence.is_certain:
            return 0
        await self._claims.sweep()
        try:
            outgoing = await self._store.outgoing.claim(self._store.presence.name, now())
            if outgoing is None:
                return 0
            with continued(outgoing.traceparent, "identity send sign-in code"):
                await self._send(outgoing)
        except DatabaseError:
            self._claims.look_again()  # this process may hold a claim whose reply was lost
            raise
        return 1

    @property
    def is_refused(self) -> bool:
        """Whether notifications rejected the last message for a reason that an operator must correct. Until then nobody can sign in."""
        return self._refused

    async def _send(self, outgoing: OutgoingCode) -> None:
        if now() >= outgoing.expires_at:
            log.error("a sign-in code expired before notifications took it")
            security.record(security.Event.MAIL_REFUSED, "expired")
            await self._store.outgoing.remove(outgoing.id)
            return
        try:
            await self._notifications.send_code(outgoing.id, self._vault.open(outgoing.email), self._vault.open(outgoing.code))
        except RefusedError as refused:
            log.warning("notifications refused a sign-in code: %s", refused)
            security.record(security.Event.MAIL_REFUSED, "address")
        except MisconfiguredError as refused:
            if not self._refused:
                log.error("notifications refuses sign-in codes (%s): check its service, key and template; nobody can sign in", refused)  # noqa: TRY400
            self._refused = True
            security.record(security.Event.MAIL_REFUSED, "configuration")
            await self._postpone(outgoing)
            return
        except UnreachableError as unreachable:
            log.warning("notifications did not take a sign-in code: %s", unreachable)
            await self._postpone(outgoing)
            return
        self._refused = False
        await self._store.outgoing.remove(outgoing.id)

    async def _postpone(self, outgoing: OutgoingCode) -> None:
        await self._store.outgoing.postpone(outgoing.id, now() + pause_after(outgoing.failures + 1))
