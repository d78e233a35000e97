"""Follows the processes' log files on the screen, and truncates them at `MAX_BYTES`."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

MAX_BYTES = 20_000_000
_POLL_SECONDS = 0.2
_MAX_BYTES_PER_POLL = 256_000


class LogFollower:
    """Follows log files. Processes write to their files directly, so a slow screen never blocks one."""

    def __init__(self, show: Callable[[str, str], None]) -> None:
        """Call `show(name, line)` for every line that a followed file gets."""
        self._show = show
        self._files: dict[str, tuple[Path, int]] = {}

    def follow(self, name: str, log: Path) -> None:
        """Follow `log` from its start; keep the log of the run before as `<log>.1`."""
        if log.exists():
            log.replace(log.with_name(f"{log.name}.1"))
        self._files[name] = (log, 0)

    async def run(self) -> None:
        """Poll until cancelled; then show the rest."""
        try:
            while True:
                self.poll()
                await asyncio.sleep(_POLL_SECONDS)
        finally:
            self.poll()

    def poll(self) -> None:
        """Show the lines written since the last poll."""
        for name, (log, position) in self._files.items():
            with contextlib.suppress(FileNotFoundError):
                self._files[name] = (log, self._read(name, log, position))

    def _read(self, name: str, log: Path, position: int) -> int:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size - position > _MAX_BYTES_PER_POLL:
                self._show(name, f"... {size - position - _MAX_BYTES_PER_POLL} bytes more in {log}")
                position = size - _MAX_BYTES_PER_POLL
            file.seek(position)
            chunk = file.read(size - position)
        complete = chunk.rfind(b"\n") + 1
        for line in chunk[:complete].decode(errors="replace").splitlines():
            self._show(name, line)
        if size > MAX_BYTES:
            # The writer has the file open for appending, so truncating it under the writer is safe.
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)
            return 0
        return position + complete
