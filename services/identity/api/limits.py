"""Limits on codes and wrong codes, for each address and network, in 15 minutes. Above a limit the answer is 429."""

from starlette.requests import Request

from services.identity.domain.sign_in import LIMIT_WINDOW, Device, network_of, wide_network_of
from services.identity.provider import Provider
from shared import security
from shared.http import Problem
from shared.limits import COLLECTION, Quota

SECONDS = int(LIMIT_WINDOW.total_seconds())
TOO_MANY = f"Too many codes were asked for or entered. Wait {SECONDS // 60} minutes and try again."


class Limits:
    """Counts each attempt in the database, for all replicas together. Its rows hold digests, never addresses.

    A browser that signed in with an address before has its own count for that address. All other requests count for three keys: their
    network, address and network together, and the address. A hit that an earlier limit refuses does not count for a later one, so a network
    uses up no more than its share. Hits count outside any transaction, even if the request fails. Without the database the answer is 503.
    """

    def __init__(self, op: Provider, request: Request, device: Device | None) -> None:
        self._op, self._device = op, device
        self._host = request.client.host if request.client else "unknown"

    async def count_request(self, email_key: str) -> None:
        """Count a request for a code to the address with this digest. Raises a 429 problem above the limits."""
        settings = self._op.settings
        if self._device is not None and self._device.knows(email_key):
            await self._count("device", f"{self._device.id}:{email_key}", settings.codes_per_address)
            return
        await self._count("network", network_of(self._host), settings.codes_per_network)
        await self._count("address-network", f"{email_key}:{wide_network_of(self._host)}", settings.codes_per_address)
        await self._count("address", email_key, settings.codes_per_address_in_all)

    async def require_wrong_code_left(self, email_key: str | None) -> None:
        """Raise a 429 problem if this network has no wrong code left, unless the browser knows the address."""
        wrong_codes = self._wrong_codes()
        if not self._is_known(email_key) and not await wrong_codes.has_room(self._network()):
            raise _exceeded("wrong_codes", wrong_codes)

    async def count_wrong_code(self, email_key: str) -> None:
        """Count a wrong code, unless the browser knows the address: its five tries for each code limit it already."""
        if not self._is_known(email_key):
            await self._wrong_codes().hit(self._network())

    def _is_known(self, email_key: str | None) -> bool:
        return email_key is not None and self._device is not None and self._device.knows(email_key)

    async def _count(self, what: str, whose: str, limit: int) -> None:
        quota = self._quota(what, limit)
        if not await quota.hit(self._op.vault.digest("limit", whose)):
            raise _exceeded(f"codes_of_{what.replace('-', '_')}", quota)

    def _wrong_codes(self) -> Quota:
        return self._quota("wrong-code", self._op.settings.wrong_codes_per_network)

    def _network(self) -> str:
        return self._op.vault.digest("limit", network_of(self._host))

    def _quota(self, name: str, limit: int) -> Quota:
        return Quota(name, limit, seconds=SECONDS, rows=self._op.store.collection(COLLECTION), exact=True)


def _exceeded(reason: str, quota: Quota) -> Problem:
    security.record(security.Event.RATE_LIMITED, reason)
    return Problem(429, TOO_MANY, headers={"Retry-After": str(quota.retry_after)})
