"""Upkeep of stored messages: deletes them after their retention, seals rows in clear, and replaces old keys."""

import logging
import time

from shared import security
from shared.clock import now
from shared.crypto import SealError
from shared.service import StartError

from .domain.notifications import Notification
from .store import Store, StoredNotification
from .vault import Vault

log = logging.getLogger(__name__)
BATCH = 100
START_SECONDS = 10.0
"""Seconds for which a start waits to seal rows in clear; the worker seals the rest. Until then, lists filtered by reference omit them."""


class Upkeep:
    """The upkeep worker. Any number of replicas may run it."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._resealed = 0

    async def begin(self) -> None:
        """Reseal services, and seal rows that an earlier version wrote in clear. Raises StartError if a key is missing."""
        try:
            await self._reseal_services()
        except SealError:
            raise StartError("notifications: NOTIFICATIONS_SECRET_KEY lacks the key that the database is sealed under; add it.") from None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and await self._seal_rows_in_clear():
            pass

    async def step(self) -> int:
        """Delete, seal and rewrap one batch of rows. Returns how many."""
        deleted = await self._store.notifications.expire(now(), BATCH)
        return deleted + await self._seal_rows_in_clear() + await self._rewrap()

    async def _seal_rows_in_clear(self) -> int:
        done = 0
        for clear in await self._store.notifications.sealed_under(None, BATCH):
            if isinstance(clear, Notification):
                done += await self._store.notifications.seal(clear, self._vault.seal(clear))
        return done

    async def _rewrap(self) -> int:
        """Wrap data keys of older secret keys under the newest one."""
        done = 0
        for key_id in self._vault.key_ids[1:]:
            for stored in await self._store.notifications.sealed_under(key_id, BATCH):
                if isinstance(stored, StoredNotification):
                    done += await self._store.notifications.rewrap(stored, self._vault.rewrapped(stored))
        self._resealed += done
        if self._resealed and not done:
            log.info("everything is sealed under the newest key now; %d messages were not", self._resealed)
            security.record(security.Event.KEY_ROTATED, "sealing")
            self._resealed = 0
        return done

    async def _reseal_services(self) -> None:
        for service in await self._store.services.all():
            if self._vault.resealed(service) is None:
                continue
            async with self._store.transaction() as tx:
                current = await tx.services.get(service.id)
                resealed = self._vault.resealed(current) if current else None
                if resealed:
                    await tx.services.put(resealed)
