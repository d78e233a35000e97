"""1,000 citizens move home, 50 at a time: completion, rate, CPU of each process, and memory."""

import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx

from benchmarks.blocks_up import Running, blocks_up
from benchmarks.report import Report, arguments, cpu_seconds, engine_to_use, memory_mb, percentile, proportional_mb

CAMDEN, HACKNEY = "E09000007", "E09000012"
MEMORY_AT_MOST = 1500
PATIENCE_SECONDS = 120
FIRST_PHONE, PHONES = 300, 700
"""07700 900300 to 900999: Ofcom reserves them for fiction, and none is a smoke-test recipient."""
LISTED = 1000
MESSAGES = 2
"""An email and a text for each citizen."""


class Movers:
    """Citizens on a platform: each submits a move, and ends when both messages have arrived."""

    def __init__(self, http: httpx.AsyncClient, ready: dict[str, Any]) -> None:
        self._http, self._ready = http, ready
        self._run = uuid4().hex[:8]
        self._began = datetime.now(UTC)
        self._submitted: dict[str, datetime] = {}
        self._arrived: dict[str, dict[str, datetime]] = {}
        self._seen: set[str] = set()
        self._ended: dict[str, asyncio.Event] = {}

    async def go(self, journeys: int, at_once: int) -> list[float]:
        """Return the seconds from submit to last message of each journey, sorted. Raises TimeoutError if one does not end."""
        machine = next(client for client in self._ready["identity"]["machine_clients"] if client["borough"] == HACKNEY)
        granted = await self._http.post(
            f"{self._ready['identity']['issuer']}/token",
            data={"grant_type": "client_credentials", "scope": "move_home:move:create"},
            auth=(machine["client_id"], machine["client_secret"]),
        )
        self._http.headers["Authorization"] = f"Bearer {granted.raise_for_status().json()['access_token']}"
        gate = asyncio.Semaphore(at_once)
        watching = asyncio.create_task(self._watch())
        try:
            await asyncio.gather(*(self._move(number, gate) for number in range(journeys)))
        finally:
            watching.cancel()
        return sorted((max(self._arrived[move].values()) - at).total_seconds() for move, at in self._submitted.items())

    async def _move(self, number: int, gate: asyncio.Semaphore) -> None:
        async with gate:
            at = datetime.now(UTC)
            answer = await self._http.post(f"{self._ready['urls']['move_home']}/api/moves", json=self._request(number))
            move = str(answer.raise_for_status().json()["id"])
            self._submitted[move] = at
            ended = self._ended.setdefault(move, asyncio.Event())
            async with asyncio.timeout(PATIENCE_SECONDS):
                await ended.wait()

    def _request(self, number: int) -> dict[str, Any]:
        return {
            "subject": f"urn:benchmark:{self._run}:{number}",
            "given_name": "Mo",
            "family_name": "Mover",
            "email": f"mover-{self._run}-{number}@example.com",
            "phone": f"07700 900{FIRST_PHONE + number % PHONES}",
            "old_address": {"text": "1 Old Street", "postcode": "NW1 1AA", "borough": CAMDEN},
            "new_address": {"text": "2 New Street", "postcode": "E8 1EA", "borough": HACKNEY},
            "moved_on": "2026-11-20",
            "tell": [{"borough": CAMDEN, "purpose": "council-tax"}, {"borough": HACKNEY, "purpose": "council-tax"}],
        }

    async def _watch(self) -> None:
        """Poll the newest messages; each names its move in its body."""
        while True:
            query = {"since": self._began.isoformat(), "limit": str(LISTED)}
            answer = await self._http.get(self._ready["captured"], params=query)
            for message in answer.raise_for_status().json():
                if message["id"] not in self._seen:
                    self._note(message)
            await asyncio.sleep(0.5)

    def _note(self, message: dict[str, Any]) -> None:
        move = next((move for move in self._submitted if move in message["body"]), None)
        if move is None:  # the answer to its submit is still on its way
            return
        self._seen.add(message["id"])
        came = self._arrived.setdefault(move, {})
        came[message["channel"]] = datetime.fromisoformat(message["created_at"])
        if len(came) == MESSAGES:
            self._ended.setdefault(move, asyncio.Event()).set()


async def main() -> int:
    """Run the benchmark and return its exit code."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--journeys", type=int, default=1000, help="how many citizens (default: 1000)")
    parser.add_argument("--at-once", type=int, default=50, help="how many are under way together (default: 50)")
    options = parser.parse_args()
    engine = engine_to_use(options.engine)
    report = Report((__doc__ or "").strip(), {"engine": engine, "broker": options.broker, "journeys": str(options.journeys)})
    report.begin()
    with TemporaryDirectory(prefix="blocks-bench-") as name:
        async with (
            blocks_up(Path(name), "--engine", engine, "--broker", options.broker) as platform,
            httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=options.at_once + 5)) as http,
        ):
            before = {name: cpu_seconds(pid) for name, pid in platform.pids.items()}
            began = time.monotonic()
            waited = await Movers(http, platform.ready).go(options.journeys, options.at_once)
            took = time.monotonic() - began
            _report(report, platform, options.journeys, waited, took=took, before=before)
    return report.finish(options.json)


def _report(report: Report, platform: Running, journeys: int, waited: list[float], *, took: float, before: dict[str, float]) -> None:
    report.add("complete", len(waited), "journeys", at_least=journeys)
    report.add("journeys a second", journeys / took, "1/s")
    report.add("submit to the last message, p50", percentile(waited, 0.5), "s")
    report.add("submit to the last message, p99", percentile(waited, 0.99), "s")
    for name, pid in platform.pids.items():
        report.add(f"CPU a journey: {name}", (cpu_seconds(pid) - before[name]) * 1000 / journeys, "ms")
    memory = {name: proportional_mb(pid) for name, pid in platform.pids.items()}
    for name, used in memory.items():
        report.add(f"memory: {name}", used, "MB")
    report.add("memory of everything", sum(memory.values()), "MB", at_most=MEMORY_AT_MOST)
    resident = sum(memory_mb(pid) for pid in platform.pids.values())
    report.add("the same by RSS, which counts shared pages in each process", resident, "MB")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
