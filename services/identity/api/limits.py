"""How often an address or a network may do something in a quarter of an hour; above it the answer is 429, known address or not."""

from starlette.requests import Request

from services.identity.domain.sign_in import LIMIT_WINDOW, network_of, window_of
from services.identity.provider import Provider
from shared.clock import now
from shared.http import Problem

MINUTES = int(LIMIT_WINDOW.total_seconds() // 60)
TOO_MANY = f"Too many codes were asked for or entered. Wait {MINUTES} minutes and try again."


class Limits:
    """Counts in the database, so that all replicas count together, and under digests, so that it holds no addresses.

    Never in a transaction: what is counted stays counted, whatever becomes of the request.
    """

    def __init__(self, op: Provider, request: Request) -> None:
        self._op = op
        self._network = network_of(request.client.host) if request.client else "unknown"

    async def code_wanted(self, address: str) -> None:
        """Count a code that is asked for. Raises a 429 problem above the limits."""
        await self._count("network", self._network, self._op.settings.codes_per_network)
        await self._count("address", address, self._op.settings.codes_per_address)

    async def code_entered(self) -> None:
        """Raises a 429 problem where this network has entered too many wrong codes."""
        if await self._op.store.counters.counted(self._wrong_codes(), window_of(now())) >= self._op.settings.wrong_codes_per_network:
            raise _exceeded()

    async def code_was_wrong(self) -> None:
        """Count a wrong code."""
        await self._op.store.counters.count(self._wrong_codes(), window_of(now()))

    async def _count(self, what: str, whose: str, limit: int) -> None:
        name = f"{what}:{self._op.vault.digest('limit', whose)}"
        if await self._op.store.counters.count(name, window_of(now())) > limit:
            raise _exceeded()

    def _wrong_codes(self) -> str:
        return f"wrong-code:{self._op.vault.digest('limit', self._network)}"


def _exceeded() -> Problem:
    seconds = int((window_of(now()) - now()).total_seconds()) + 1
    return Problem(429, TOO_MANY, headers={"Retry-After": str(seconds)})
