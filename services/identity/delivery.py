"""Sends sign-in codes through notifications, from a queue that survives its outages and our own crashes."""

import logging
from collections.abc import Callable

from shared.clock import now
from shared.telemetry import continued

from .adapters.notifications import Notifications, RefusedError, UnreachableError
from .domain.sign_in import pause_after
from .store import Store
from .store.outgoing import OutgoingCode
from .vault import Vault

log = logging.getLogger(__name__)


class CodeDelivery:
    """One step sends what is due. A code leaves the queue when notifications has accepted or refused it, or when it has expired.

    A crash between notifications' yes and the removal sends the same request again under the same Idempotency-Key, which changes nothing.
    """

    def __init__(self, store: Store, vault: Vault, notifications: Notifications) -> None:
        self._store = store
        self._vault = vault
        self._notifications = notifications
        self.wake: Callable[[], object] = lambda: None
        """Tells the worker that there is something to do; the polling is the truth."""

    async def step(self) -> int:
        """Send one code that is due. Gives how many were taken up, 0 or 1."""
        outgoing = await self._store.outgoing.claim(now())
        if outgoing is None:
            return 0
        with continued(outgoing.traceparent, "identity send sign-in code"):
            await self._send(outgoing)
        return 1

    async def _send(self, outgoing: OutgoingCode) -> None:
        if now() >= outgoing.expires_at:
            log.warning("a sign-in code expired before notifications could be reached")
            await self._store.outgoing.remove(outgoing.id)
            return
        try:
            await self._notifications.send_code(outgoing.id, self._vault.open(outgoing.email), self._vault.open(outgoing.code))
        except RefusedError as refused:
            log.warning("notifications refused a sign-in code: %s", refused)
        except UnreachableError as unreachable:
            pause = pause_after(outgoing.failures + 1)
            log.warning("notifications did not take a sign-in code (%s); next try in %d s", unreachable, pause.total_seconds())
            await self._store.outgoing.put_off(outgoing.id, now() + pause)
            return
        await self._store.outgoing.remove(outgoing.id)
