"""Kills processes of a running platform at random moments; a seed repeats victims and pauses."""

import asyncio
import os
import random
import signal
import time
from collections import defaultdict, deque
from contextlib import suppress
from typing import NamedTuple

from tests.deploy.platform import RunningBlocks

MOST_A_MINUTE = 3
"""Kills of one process; the runner stops the platform at five deaths in a minute."""
PATIENCE_STEPS = 1200
SHORTEST, LONGEST = 0.2, 4.0


class Victim(NamedTuple):
    """A process of the platform; replicas count from 0."""

    name: str
    replica: int

    def __str__(self) -> str:
        return f"{self.name}-{self.replica + 1}" if self.replica else self.name


class Killer:
    """Draws victims from a shuffled deck of all processes, so that each has its turn, below the runner's limit of deaths."""

    def __init__(self, platform: RunningBlocks, seed: int) -> None:
        self._platform = platform
        self._random = random.Random(seed)
        self._deck: list[Victim] = []
        self._killed: dict[Victim, deque[float]] = defaultdict(deque)

    async def kill(self, times: int) -> list[str]:
        """Kill `times` processes with random pauses, sometimes two at once; return the victims and times."""
        began, done = time.monotonic(), list[str]()
        while len(done) < times:
            await asyncio.sleep(self._random.uniform(SHORTEST, LONGEST))
            for _ in range(min(times - len(done), 2 if self._random.random() < 0.2 else 1)):
                done.append(f"{await self._kill_one()} at {time.monotonic() - began:.1f} s")
        return done

    async def _kill_one(self) -> str:
        victim = self._next()
        for _ in range(PATIENCE_STEPS):
            if (pid := self._pid(victim)) is not None:
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError(f"the runner has not started {victim} again: {self._platform.text}")
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self._killed[victim].append(time.monotonic())
        return str(victim)

    def _pid(self, victim: Victim) -> int | None:
        """Return the victim's process id, or None until the runner has restarted it."""
        assert self._platform.process.poll() is None, self._platform.text
        pid = self._platform.pids[victim.name][victim.replica]
        return pid if _is_alive(pid) else None

    def _next(self) -> Victim:
        if not self._deck:
            self._deck = [Victim(name, replica) for name, pids in sorted(self._platform.pids.items()) for replica in range(len(pids))]
            self._random.shuffle(self._deck)
        now = time.monotonic()
        for at, victim in enumerate(self._deck):
            recent = self._killed[victim]
            while recent and recent[0] < now - 60:
                recent.popleft()
            if len(recent) < MOST_A_MINUTE:
                return self._deck.pop(at)
        return self._deck.pop()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
