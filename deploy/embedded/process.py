"""A child process: started, known to answer, stopped, and never left behind."""

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
"""Seconds between two looks at a process that is expected to live."""
_PR_SET_PDEATHSIG = 1


class Process(ABC):
    """One program that listens on one port of the loopback interface and writes its log to one file.

    The methods are coroutines, but nothing is bound to an event loop: `asyncio.run(process.start())` in a synchronous fixture and
    `asyncio.run(process.stop())` later work as well. Start it from a thread that lives as long as the child shall live (the main
    thread): on Linux the kernel kills the child when that thread ends, however it ends, SIGKILL of this process included.
    """

    name: str
    start_timeout = 60.0
    check_seconds = 5.0
    """Between two questions whether it still works, and how long an answer may take."""
    most_failures = 4
    """Consecutive failed checks after which the process counts as hung."""

    def __init__(self, name: str, *, port: int, log: Path) -> None:
        self.name = name
        self.port = port
        self.log = log
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The program and its arguments; asked again at every start."""

    @abstractmethod
    async def answers(self) -> bool:
        """Whether the process does its work, found out by talking to it."""

    @abstractmethod
    async def prepare(self) -> None:
        """Check what must be so before the process starts; raises OperatorError."""

    async def works(self) -> bool:
        """Whether the running process does its work; asked again and again. The default suits one that ends when something is wrong."""
        return True

    def environment(self) -> Mapping[str, str]:
        """What is added to this process's own environment."""
        return {}

    def working_directory(self) -> Path | None:
        """Where the process runs; None for where this one runs."""
        return None

    @property
    def pid(self) -> int:
        """The process id of the running child; raises OperatorError if it never was started."""
        if self._child is None:
            raise OperatorError(f"{self.name} is not running.")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the child lives."""
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """As subprocess gives it: negative is the signal that killed it; None while it runs or before it was started."""
        return None if self._child is None else self._child.poll()

    async def start(self) -> None:
        """Start, and return once it answers. Raises OperatorError, with the child's last words, when it ends or stays silent."""
        await self.prepare()
        self.spawn()
        try:
            await self.ready(self.start_timeout)
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
                    preexec_fn=_tether(),  # noqa: PLW1509  (it calls prctl and getppid, and takes no lock)
                )
            except OSError as error:
                raise OperatorError(f"{self.name} cannot be started: {error.strerror} ({error.filename}).") from error

    async def ready(self, within: float) -> None:
        """Wait until the child answers; raises OperatorError when it ends before that, or after `within` seconds."""
        deadline = asyncio.get_running_loop().time() + within
        while not await self.answers():
            if self.exit_code is not None:
                raise OperatorError(f"{self.name} {describe_exit(self.exit_code)} while starting: {self.last_words()}")
            if asyncio.get_running_loop().time() > deadline:
                raise OperatorError(f"{self.name} did not answer within {within:.0f} s: {self.last_words()}")
            await asyncio.sleep(POLL)

    async def stop(self, grace: float = 8.0) -> None:
        """Ask the child to end (SIGTERM); after `grace` seconds end it. Stopping what does not run is no error."""
        if self._child is None or self._child.poll() is not None:
            return
        self._child.send_signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.ended(), grace)
        self.kill()

    async def hangs(self) -> float:
        """Wait until the running process stops working; for how many seconds it has not."""
        failures, last = 0, asyncio.get_running_loop().time()
        while failures < self.most_failures:
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

    async def ended(self, look_every: float = POLL) -> int:
        """Wait until the child is no more, looking every `look_every` seconds; its exit code."""
        while (code := self.exit_code) is None:  # noqa: ASYNC110  (a process gives no event without a child watcher of one loop)
            await asyncio.sleep(look_every)
        return code

    def kill(self) -> None:
        """End the child now (SIGKILL), as a crash would, and take its exit code."""
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.kill()
            self._child.wait()

    def last_lines(self, count: int = 10) -> list[str]:
        """The end of what the child wrote since its last start."""
        with contextlib.suppress(OSError), self.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(min(self._log_start, size), size - 64_000))
            return [line for line in log.read().decode(errors="replace").splitlines() if line.strip()][-count:]
        return []

    def last_words(self) -> str:
        """The child's last line, for an error of one line."""
        lines = self.last_lines(1)
        return lines[0] if lines else f"it wrote nothing (log: {self.log})"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


def describe_exit(code: int) -> str:
    """An exit code in words."""
    if code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    return f"ended with exit code {code}"


def _tether() -> Callable[[], None] | None:
    """What makes the kernel kill the child when this process dies (prctl(2), PR_SET_PDEATHSIG); Linux only."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def tether() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return tether
