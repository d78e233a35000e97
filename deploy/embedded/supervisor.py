"""Supervises processes: starts them in order, restarts those that die or hang, gives up on crash loops, stops in reverse order."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from deploy.embedded.errors import OperatorError
from deploy.embedded.process import WATCH_POLL, Process, describe_exit

MAX_DEATHS = 5
"""Deaths of one process within `DEATHS_WINDOW` (seconds) that stop the platform."""
DEATHS_WINDOW = 60.0
BACKOFF = (0.2, 0.5, 1.0, 2.0)
"""Seconds before the second, third, ... start within the window."""


class Supervisor:
    """Runs stages of processes: a stage starts when every process of the previous one answers."""

    def __init__(self, *, say: Callable[[str], None], changed: Callable[[], None]) -> None:
        """`say` takes a line for the operator; the supervisor calls `changed` when a restarted process answers again."""
        self._say = say
        self._changed = changed
        self._stages: list[tuple[Sequence[Process], float]] = []
        self._keeper_tasks: list[asyncio.Task[None]] = []

    @property
    def processes(self) -> list[Process]:
        """All processes, in the order of their start."""
        return [process for stage, _ in self._stages for process in stage]

    async def start(self, stage: Sequence[Process], *, grace: float) -> None:
        """Start a stage and return when all of it answers; `stop` kills its processes after `grace` seconds.

        Raises OperatorError where a process cannot start.
        """
        self._stages.append((stage, grace))
        answering = [asyncio.Event() for _ in stage]
        self._keeper_tasks += [
            asyncio.create_task(self._keep(process, event), name=process.name) for process, event in zip(stage, answering, strict=True)
        ]
        everything = asyncio.create_task(_all(answering))
        await asyncio.wait({everything, *self._keeper_tasks}, return_when=asyncio.FIRST_COMPLETED)
        everything.cancel()
        _raise_first(self._keeper_tasks)

    async def watch(self) -> None:
        """Never return; raise OperatorError when a process keeps dying."""
        await asyncio.wait(self._keeper_tasks, return_when=asyncio.FIRST_COMPLETED)
        _raise_first(self._keeper_tasks)

    async def stop(self) -> None:
        """Stop all processes, the last stage first."""
        for keeper in self._keeper_tasks:
            keeper.cancel()
        await asyncio.gather(*self._keeper_tasks, return_exceptions=True)
        for stage, grace in reversed(self._stages):
            await asyncio.gather(*(process.stop(grace) for process in stage))

    def kill(self) -> None:
        """Kill all processes now."""
        for process in self.processes:
            process.kill()

    async def _keep(self, process: Process, answering: asyncio.Event) -> None:
        """Run one process and restart it. Raises OperatorError when it cannot start or keeps dying."""
        deaths: deque[float] = deque()
        while True:
            why = await self._run_once(process, answering)
            now = asyncio.get_running_loop().time()
            deaths.append(now)
            while deaths[0] < now - DEATHS_WINDOW:
                deaths.popleft()
            if not answering.is_set() and (process.exit_code or 0) > 0:  # it ended by itself with an error, not by a signal
                raise OperatorError(f"{process.name} cannot start: {process.last_line()}")
            if len(deaths) >= MAX_DEATHS:
                last = [f"    {line}" for line in process.last_lines()]
                raise OperatorError(
                    "\n".join([f"{process.name} {why}, {len(deaths)} times in a minute. Its last lines ({process.log}):", *last])
                )
            delay = BACKOFF[len(deaths) - 1]
            self._say(f"{process.name} {why}; starting it again in {delay:g} s")
            await asyncio.sleep(delay)

    async def _run_once(self, process: Process, answering: asyncio.Event) -> str:
        """Run the process once; return how it ended."""
        again = answering.is_set()
        try:
            await process.prepare()
            process.spawn()
        except OperatorError as error:
            if not again:
                raise
            return f"cannot start ({error})"
        try:
            await process.wait_until_ready(process.start_timeout)
        except OperatorError as error:
            if process.running:  # it runs but does not answer
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
    """Wait until a process ends, or kill it once it hangs; return how it ended."""
    ended, hangs = asyncio.create_task(process.wait_until_ended(WATCH_POLL)), asyncio.create_task(process.wait_until_hung())
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
