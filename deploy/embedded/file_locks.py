"""File locks: one platform a data directory, and one process at a time for work done once a machine."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from deploy.embedded.errors import OperatorError

_SECONDS_BETWEEN_TRIES = 0.2


@contextmanager
def data_dir_lock(directory: Path) -> Iterator[None]:
    """Hold the data directory's lock; the kernel frees it when this process ends, SIGKILL included.

    Raises OperatorError with the holder's process id where a platform already uses the directory.
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
async def machine_lock(path: Path) -> AsyncIterator[None]:
    """Hold a lock file, created with its directory if missing; other callers wait."""
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
