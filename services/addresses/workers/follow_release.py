"""Switch to another release when it goes live: every replica looks for itself, so that none has to be told.

What is live is said by the data dir. Where releases come from a store, that is looked at too, and its releases are brought into the data
dir; of replicas that share one, one does. Whatever is wrong with the store, what is served stays so.
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
"""Seconds between tries while something is wrong, at most: a wrong object may be large, and is fetched whole each time."""


class StoreFollower:
    """Brings what goes live in a store into the data dir. `step` is the work of a chassis Worker."""

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
        """Number of the store's switch that is followed; 0 before the first."""
        return self._followed

    @property
    def seconds_failing(self) -> float:
        """How long the store could not be followed; 0 while it can."""
        return self._clock() - self._failing_since if self._failing_since is not None else 0.0

    async def step(self) -> int:
        """Look once, unless it is too soon after a failure. Always 0: nothing is waiting that could be done at once."""
        if self._clock() < self._not_before:
            return 0
        try:
            activation = await self._store.catch_up()
        except BlockingIOError:  # another process of the data dir is at it
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
    """Serves what is live, seconds after it is. It runs in every process that answers, whatever else that does."""

    def __init__(self, live: LiveRelease, store: ReleaseStore | None, seconds_between_looks: float) -> None:
        async def look() -> int:
            await live.follow()
            return 0

        follower = Worker("follow release", look, interval=SECONDS_BETWEEN_LOOKS)
        self._workers = [follower]
        fetching = StoreFollower(store, follower.wake, seconds_between_looks=seconds_between_looks) if store else None
        if fetching:
            self._workers.append(Worker("follow store", fetching.step, interval=seconds_between_looks))
        # In every process, so that dashboards and alerts find them: without a store nothing fails and nothing is followed.
        telemetry.gauge(
            "addresses.release_store.failing",
            "How long the store of releases could not be followed; 0 while it can, and without a store.",
            lambda: [(fetching.seconds_failing if fetching else 0.0, {})],
            unit="s",
        )
        telemetry.gauge(
            "addresses.release_store.switch",
            "Number of the store's switch that is followed: lower than other replicas' where this one lags. 0 without a store.",
            lambda: [(fetching.followed if fetching else 0, {})],
        )

    async def start(self) -> None:
        """Begin, once a release is open."""
        for worker in self._workers:
            worker.start()

    async def stop(self) -> None:
        """End; what was being fetched is gone on with at the next start."""
        await asyncio.gather(*(worker.stop(grace=1.0) for worker in self._workers))
