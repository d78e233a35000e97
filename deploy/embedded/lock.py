"""One platform at a time in a data directory, one process at a time at what is made once a machine."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from deploy.embedded.errors import OperatorError

_SECONDS_BETWEEN_TRIES = 0.2


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory's lock; the kernel lets go of it when this process ends, however it ends.

    Raises OperatorError, with the other's process id, where a platform runs on it.
    """
    with (directory / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise OperatorError(
                f"A platform already uses {directory} (pid {lock.read().strip() or 'unknown'}): stop it, or choose another with --data-dir."
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


@asynccontextmanager
async def in_turn(path: Path) -> AsyncIterator[None]:
    """Hold a lock file, made with its directory where it is not there; whoever comes meanwhile waits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        held = False
        while not held:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held = True
            except BlockingIOError:
                await asyncio.sleep(_SECONDS_BETWEEN_TRIES)
        yield
