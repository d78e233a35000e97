"""A folder whose files live in memory.

Every commit of the database waits for the disk, and a test waits for hundreds of commits. What a killed process wrote is there after its
death all the same, because the kernel has it; only the machine's own end loses it, and no test brings that about.
"""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108  (the folder that is made in it is ours alone)
PREFIX, HELD = "london-blocks-tests-", ".held"
FREE_FILES, FREE_MEMORY = 1_000_000_000, 3_000_000_000
"""Bytes that must be free there, and in the machine: a process of a run with its engines and platforms takes a third of it."""


@contextmanager
def folder_in_memory(otherwise: Path) -> Iterator[Path]:
    """A new folder in memory, removed afterwards; `otherwise` where the machine has no such place or little room in it.

    Those that killed runs left behind are removed too: nobody holds their lock any more.
    """
    if not _has_room():
        yield otherwise
        return
    _clear_away()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=MEMORY))
    try:
        with (folder / ".new").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / ".new").rename(folder / HELD)  # it is locked from the moment at which others can see it
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


def _clear_away() -> None:
    for lock in MEMORY.glob(f"{PREFIX}*/{HELD}"):
        with suppress(OSError), lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
