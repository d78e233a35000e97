"""How often an address or a network may ask for codes, or enter wrong ones, in a quarter of an hour. Above it, any address gets a 429."""

from starlette.requests import Request

from services.identity.domain.sign_in import LIMIT_WINDOW, Device, network_of, wide_network_of
from services.identity.provider import Provider
from shared import security
from shared.http import Problem
from shared.limits import COLLECTION, Quota

SECONDS = int(LIMIT_WINDOW.total_seconds())
TOO_MANY = f"Too many codes were asked for or entered. Wait {SECONDS // 60} minutes and try again."


class Limits:
    """Counts each attempt in the database, so that all replicas count together, and under digests, so that it holds no addresses.

    A browser that signed in with an address before has a count of its own for that address. Others count for their network, for the
    address and their network together, and for the address. A hit that an earlier limit refuses does not count for a later one, so a
    network can use up no more than its share. Hits count outside any transaction, whatever becomes of the request. Without the database
    nobody may try: the answer is 503.
    """

    def __init__(self, op: Provider, request: Request, device: Device | None) -> None:
        self._op, self._device = op, device
        self._host = request.client.host if request.client else "unknown"

    async def code_wanted(self, email_key: str) -> None:
        """Count a code that is asked for, for the address of this digest. Raises a 429 problem above the limits."""
        settings = self._op.settings
        if self._device is not None and self._device.knows(email_key):
            await self._count("device", f"{self._device.id}:{email_key}", settings.codes_per_address)
            return
        await self._count("network", network_of(self._host), settings.codes_per_network)
        await self._count("address-network", f"{email_key}:{wide_network_of(self._host)}", settings.codes_per_address)
        await self._count("address", email_key, settings.codes_per_address_in_all)

    async def code_entered(self, email_key: str | None) -> None:
        """Raises a 429 problem where this network has entered too many wrong codes, unless the browser knows the address."""
        wrong_codes = self._wrong_codes()
        if not self._is_known(email_key) and not await wrong_codes.has_room(self._network()):
            raise _exceeded("wrong_codes", wrong_codes)

    async def code_was_wrong(self, email_key: str) -> None:
        """Count a wrong code. A browser that knows the address has no more than its codes' tries in any case."""
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
