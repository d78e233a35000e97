"""How often an address or a network may do something in a quarter of an hour; above it the answer is 429, known address or not."""

from starlette.requests import Request

from services.identity.domain.sign_in import LIMIT_WINDOW, Device, network_of, wide_network_of, window_of
from services.identity.provider import Provider
from shared import security
from shared.clock import now
from shared.http import Problem

MINUTES = int(LIMIT_WINDOW.total_seconds() // 60)
TOO_MANY = f"Too many codes were asked for or entered. Wait {MINUTES} minutes and try again."


class Limits:
    """Counts in the database, so that all replicas count together, and under digests, so that it holds no addresses.

    A browser that signed in with an address before has a count of its own for that address. Others count for their network, for the
    address and their network together, and for the address; what an earlier limit refuses is not counted for a later one, so a network
    can use up no more than its share. Never in a transaction: what is counted stays counted, whatever becomes of the request.
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
        if self._is_known(email_key):
            return
        if await self._op.store.counters.counted(self._wrong_codes(), window_of(now())) >= self._op.settings.wrong_codes_per_network:
            raise _exceeded("wrong_codes")

    async def code_was_wrong(self, email_key: str) -> None:
        """Count a wrong code. A browser that knows the address has no more than its codes' tries in any case."""
        if not self._is_known(email_key):
            await self._op.store.counters.count(self._wrong_codes(), window_of(now()))

    def _is_known(self, email_key: str | None) -> bool:
        return email_key is not None and self._device is not None and self._device.knows(email_key)

    async def _count(self, what: str, whose: str, limit: int) -> None:
        name = f"{what}:{self._op.vault.digest('limit', whose)}"
        if await self._op.store.counters.count(name, window_of(now())) > limit:
            raise _exceeded(f"codes_of_{what.replace('-', '_')}")

    def _wrong_codes(self) -> str:
        return f"wrong-code:{self._op.vault.digest('limit', network_of(self._host))}"


def _exceeded(reason: str) -> Problem:
    security.record(security.Event.RATE_LIMITED, reason)
    seconds = int((window_of(now()) - now()).total_seconds()) + 1
    return Problem(429, TOO_MANY, headers={"Retry-After": str(seconds)})
