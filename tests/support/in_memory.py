"""A folder on a RAM disk.

Every commit of the database waits for the disk, and a test waits for hundreds of commits. The kernel keeps the writes of a killed process;
only a crash of the machine loses them, and no test simulates that.
"""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108  (mkdtemp makes a private folder in it)
PREFIX, HELD = "london-blocks-tests-", ".held"
FREE_FILES, FREE_MEMORY = 1_000_000_000, 3_000_000_000
"""Bytes that must be free on the RAM disk, and in the machine: one worker with its engines and platforms takes a third."""


@contextmanager
def folder_in_memory(fallback: Path) -> Iterator[Path]:
    """Yield a new folder in memory and remove it afterwards; yield `fallback` where the machine has no RAM disk or little memory.

    Also remove the folders of killed runs, which nobody locks any more.
    """
    if not _has_room():
        yield fallback
        return
    _remove_abandoned_folders()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=MEMORY))
    try:
        with (folder / ".new").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / ".new").rename(folder / HELD)  # the lock exists before others can see the file
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _has_room() -> bool:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
        return available > FREE_MEMORY and shutil.disk_usage(MEMORY).free > FREE_FILES
    except (OSError, StopIteration):
        return False


def _remove_abandoned_folders() -> None:
    for lock in MEMORY.glob(f"{PREFIX}*/{HELD}"):
        with suppress(OSError), lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
