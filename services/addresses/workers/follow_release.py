"""Open another release when it goes live. Every replica polls its data dir, so no replica depends on a message.

The data dir names the live release. With a release store, a second worker polls the store and downloads its releases into the data dir.
One of the replicas that share a data dir downloads. If the store fails, the replicas keep serving the release that they have.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from services.addresses.gazetteer.distribution.release_store import PROBLEMS, ReleaseStore
from services.addresses.gazetteer.serving.live import LiveRelease
from shared import telemetry
from shared.worker import Worker

log = logging.getLogger(__name__)
SECONDS_BETWEEN_LOOKS = 2.0
LONGEST_PAUSE = 300.0
"""Longest pause in seconds between tries after failures: a damaged object may be large, and each try downloads all of it."""


class StoreFollower:
    """Downloads the release that goes live in a store into the data dir. A chassis `Worker` calls `step`.

    Calls `fetched` after each new activation, and `clock` for monotonic seconds.
    """

    def __init__(
        self,
        store: ReleaseStore,
        fetched: Callable[[], object],
        *,
        seconds_between_looks: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._fetched, self._clock = store, fetched, clock
        self._seconds = seconds_between_looks
        self._followed = 0
        self._problem = ""
        self._failures = 0
        self._failing_since: float | None = None
        self._not_before = 0.0

    @property
    def followed(self) -> int:
        """Number of the store's activation that this replica follows; 0 before the first."""
        return self._followed

    @property
    def seconds_failing(self) -> float:
        """Seconds since the store began to fail; 0 while it works."""
        return self._clock() - self._failing_since if self._failing_since is not None else 0.0

    async def step(self) -> int:
        """Poll the store once, unless the pause after a failure lasts. Always returns 0, because no work is left for a next step."""
        if self._clock() < self._not_before:
            return 0
        try:
            activation = await self._store.catch_up()
        except BlockingIOError:  # another process is downloading into this data dir
            return 0
        except PROBLEMS as error:
            self._failed(str(error))
            return 0
        self._went_well()
        if activation and activation.number != self._followed:
            self._followed = activation.number
            self._fetched()
        return 0

    def _failed(self, problem: str) -> None:
        if self._failing_since is None:
            self._failing_since = self._clock()
        if problem != self._problem:
            log.warning("what was live is still served, and the store of releases is tried again: %s", problem)
        self._problem = problem
        self._failures += 1
        self._not_before = self._clock() + min(self._seconds * 2 ** min(self._failures, 16), LONGEST_PAUSE)

    def _went_well(self) -> None:
        if self._problem:
            log.warning("the store of releases can be followed again")
        self._problem, self._failures, self._failing_since, self._not_before = "", 0, None, 0.0


class Following:
    """Serves a release within seconds of its activation. Runs in every process that answers requests, whatever its role."""

    def __init__(self, live: LiveRelease, store: ReleaseStore | None, seconds_between_looks: float) -> None:
        async def look() -> int:
            await live.follow()
            return 0

        follower = Worker("follow release", look, interval=SECONDS_BETWEEN_LOOKS)
        self._workers = [follower]
        fetching = StoreFollower(store, follower.wake, seconds_between_looks=seconds_between_looks) if store else None
        if fetching:
            self._workers.append(Worker("follow store", fetching.step, interval=seconds_between_looks))
        # Every process exports these gauges, so that dashboards and alerts find them; without a store both are 0.
        telemetry.gauge(
            "addresses.release_store.failing",
            "Seconds since the release store began to fail; 0 while it works, and without a store.",
            lambda: [(fetching.seconds_failing if fetching else 0.0, {})],
            unit="s",
        )
        telemetry.gauge(
            "addresses.release_store.switch",
            "Number of the store's activation that this replica follows: lower than that of others if it lags. 0 without a store.",
            lambda: [(fetching.followed if fetching else 0, {})],
        )

    async def start(self) -> None:
        """Start the workers. Call it once a release is open."""
        for worker in self._workers:
            worker.start()

    async def stop(self) -> None:
        """Stop the workers, within a second each. The next start resumes an interrupted download."""
        await asyncio.gather(*(worker.stop(grace=1.0) for worker in self._workers))
