"""Keeps processes alive: starts them in order, starts again what dies or hangs, gives up on what keeps dying, stops in reverse order."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from deploy.embedded.errors import OperatorError
from deploy.embedded.process import WATCH_POLL, Process, describe_exit

MOST_DEATHS = 5
"""How many deaths of one process within `DEATHS_WINDOW` stop the platform."""
DEATHS_WINDOW = 60.0
BACKOFF = (0.2, 0.5, 1.0, 2.0)
"""Seconds before the second, third, ... start within the window."""


class Supervisor:
    """Runs stages of processes: a stage starts when all of the stage before it answer."""

    def __init__(self, *, say: Callable[[str], None], changed: Callable[[], None]) -> None:
        """`say` gets a line for the operator; `changed` is called when a restarted process answers again."""
        self._say = say
        self._changed = changed
        self._stages: list[tuple[Sequence[Process], float]] = []
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def processes(self) -> list[Process]:
        """All that were asked for, in the order of their start."""
        return [process for stage, _ in self._stages for process in stage]

    async def start(self, stage: Sequence[Process], *, grace: float) -> None:
        """Start a stage and return when all of it answers; at the end it has `grace` seconds to stop before it is killed.

        Raises OperatorError for what cannot start.
        """
        self._stages.append((stage, grace))
        answering = [asyncio.Event() for _ in stage]
        self._keepers += [
            asyncio.create_task(self._keep(process, event), name=process.name) for process, event in zip(stage, answering, strict=True)
        ]
        everything = asyncio.create_task(_all(answering))
        await asyncio.wait({everything, *self._keepers}, return_when=asyncio.FIRST_COMPLETED)
        everything.cancel()
        _raise_first(self._keepers)

    async def watch(self) -> None:
        """Return only by raising OperatorError: a process kept dying."""
        await asyncio.wait(self._keepers, return_when=asyncio.FIRST_COMPLETED)
        _raise_first(self._keepers)

    async def stop(self) -> None:
        """Stop all, the last stage first."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for stage, grace in reversed(self._stages):
            await asyncio.gather(*(process.stop(grace) for process in stage))

    def kill(self) -> None:
        """End all now."""
        for process in self.processes:
            process.kill()

    async def _keep(self, process: Process, answering: asyncio.Event) -> None:
        """Run one process for ever."""
        deaths: deque[float] = deque()
        while True:
            why = await self._run_once(process, answering)
            now = asyncio.get_running_loop().time()
            deaths.append(now)
            while deaths[0] < now - DEATHS_WINDOW:
                deaths.popleft()
            if not answering.is_set() and (process.exit_code or 0) > 0:  # it says why it cannot, and no signal ended it
                raise OperatorError(f"{process.name} cannot start: {process.last_words()}")
            if len(deaths) >= MOST_DEATHS:
                last = [f"    {line}" for line in process.last_lines()]
                raise OperatorError(
                    "\n".join([f"{process.name} {why}, {len(deaths)} times in a minute. Its last lines ({process.log}):", *last])
                )
            delay = BACKOFF[len(deaths) - 1]
            self._say(f"{process.name} {why}; starting it again in {delay:g} s")
            await asyncio.sleep(delay)

    async def _run_once(self, process: Process, answering: asyncio.Event) -> str:
        """One life of a process; how it ended."""
        again = answering.is_set()
        try:
            await process.prepare()
            process.spawn()
        except OperatorError as error:
            if not again:
                raise
            return f"cannot start ({error})"
        try:
            await process.ready(process.start_timeout)
        except OperatorError as error:
            if process.running:  # it lives and does not answer
                process.kill()
                if not again:
                    raise
                return str(error)
        else:
            answering.set()
            if again:
                self._say(f"{process.name} answers again (pid {process.pid})")
                self._changed()
        return await _end_of(process)


async def _end_of(process: Process) -> str:
    """Wait until a process ends, or has hung for so long that it is ended here; how it ended."""
    ended, hangs = asyncio.create_task(process.ended(WATCH_POLL)), asyncio.create_task(process.hangs())
    try:
        await asyncio.wait({ended, hangs}, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            return describe_exit(ended.result())
        process.kill()
        return f"lives, but did not work for {hangs.result():.0f} s, and was killed"
    finally:
        ended.cancel()
        hangs.cancel()


async def _all(events: Sequence[asyncio.Event]) -> None:
    for event in events:
        await event.wait()


def _raise_first(keepers: Sequence[asyncio.Task[None]]) -> None:
    for keeper in keepers:
        if keeper.done() and not keeper.cancelled() and (error := keeper.exception()):
            raise error
