"""A child process that listens on a port: starts, checks, stops, and dies with its parent."""

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from deploy.embedded.errors import OperatorError

POLL = 0.05
WATCH_POLL = 0.25
"""Seconds between two checks whether a running process still lives."""
_PR_SET_PDEATHSIG = 1


class Process(ABC):
    """One program that listens on one port of the loopback interface and writes its log to one file.

    No state belongs to an event loop: `asyncio.run(process.start())` in a synchronous fixture and `asyncio.run(process.stop())` later work
    as well. Start it from the main thread: on Linux the kernel kills the child when the thread that started it ends, also by SIGKILL.
    """

    name: str
    start_timeout = 60.0
    check_seconds = 5.0
    """Seconds between two checks of `works`, and the time limit of each."""
    max_failures = 4
    """Consecutive failed checks after which the process counts as hung."""

    def __init__(self, name: str, *, port: int, log: Path) -> None:
        self.name = name
        self.port = port
        self.log = log
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Return the program and its arguments; every start calls this anew."""

    @abstractmethod
    async def answers(self) -> bool:
        """Return whether the starting process answers."""

    @abstractmethod
    async def prepare(self) -> None:
        """Check the preconditions of a start. Raises OperatorError."""

    async def works(self) -> bool:
        """Return whether the running process makes progress. The default suits a process that ends on errors."""
        return True

    def environment(self) -> Mapping[str, str]:
        """Return variables to add to the environment of this process."""
        return {}

    def working_directory(self) -> Path | None:
        """Return the child's working directory; None inherits this process's."""
        return None

    @property
    def pid(self) -> int:
        """The child's process id. Raises OperatorError where it was never started."""
        if self._child is None:
            raise OperatorError(f"{self.name} is not running.")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the child lives."""
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code; negative for the signal that killed it; None while it runs or before the first start."""
        return None if self._child is None else self._child.poll()

    async def start(self) -> None:
        """Start, and return once the child answers. Raises OperatorError with the last line of its log when it ends or stays silent."""
        await self.prepare()
        self.spawn()
        try:
            await self.wait_until_ready(self.start_timeout)
        except BaseException:
            self.kill()
            raise

    def spawn(self) -> None:
        """Start the child and return at once."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            try:
                self._child = subprocess.Popen(
                    self.command(),
                    env={**os.environ, **self.environment()},
                    cwd=self.working_directory(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=_killer_with_parent(),  # noqa: PLW1509  (it calls prctl and getppid, and takes no lock)
                )
            except OSError as error:
                raise OperatorError(f"{self.name} cannot be started: {error.strerror} ({error.filename}).") from error

    async def wait_until_ready(self, within: float) -> None:
        """Wait until the child answers. Raises OperatorError when it ends first, or after `within` seconds."""
        deadline = asyncio.get_running_loop().time() + within
        while not await self.answers():
            if self.exit_code is not None:
                raise OperatorError(f"{self.name} {describe_exit(self.exit_code)} while starting: {self.last_line()}")
            if asyncio.get_running_loop().time() > deadline:
                raise OperatorError(f"{self.name} did not answer within {within:.0f} s: {self.last_line()}")
            await asyncio.sleep(POLL)

    async def stop(self, grace: float = 8.0) -> None:
        """Send SIGTERM, and SIGKILL after `grace` seconds. A child that does not run is no error."""
        if self._child is None or self._child.poll() is not None:
            return
        self._child.send_signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.wait_until_ended(), grace)
        self.kill()

    async def wait_until_hung(self) -> float:
        """Wait until `max_failures` checks in a row failed; return the seconds since the last success."""
        failures, last = 0, asyncio.get_running_loop().time()
        while failures < self.max_failures:
            await asyncio.sleep(self.check_seconds)
            if await self._works_in_time():
                failures, last = 0, asyncio.get_running_loop().time()
            else:
                failures += 1
        return asyncio.get_running_loop().time() - last

    async def _works_in_time(self) -> bool:
        try:
            async with asyncio.timeout(self.check_seconds):
                return await self.works()
        except TimeoutError:
            return False

    async def wait_until_ended(self, poll: float = POLL) -> int:
        """Wait until the child ends, checking every `poll` seconds; return its exit code."""
        while (code := self.exit_code) is None:  # noqa: ASYNC110  (a process gives no event without a child watcher of one loop)
            await asyncio.sleep(poll)
        return code

    def kill(self) -> None:
        """End the child now (SIGKILL), as a crash would, and reap it."""
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.kill()
            self._child.wait()

    def last_lines(self, count: int = 10) -> list[str]:
        """Return the last `count` lines that the child wrote since its last start."""
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(min(self._log_start, size), size - 64_000))
            return [line for line in log.read().decode(errors="replace").splitlines() if line.strip()][-count:]
        return []

    def last_line(self) -> str:
        """Return the child's last line, for an error message of one line."""
        lines = self.last_lines(1)
        return lines[0] if lines else f"it wrote nothing (log: {self.log})"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


def describe_exit(code: int) -> str:
    """Describe an exit code in words."""
    if code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    return f"ended with exit code {code}"


def _killer_with_parent() -> Callable[[], None] | None:
    """Return a hook that makes the kernel kill the child when this process dies (prctl(2), PR_SET_PDEATHSIG); None outside Linux."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def kill_with_parent() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return kill_with_parent
