"""The log files of the processes: shown on the screen as they grow, and kept from growing for ever."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

MOST_BYTES = 20_000_000
_LOOK_EVERY = 0.2
_MOST_AT_ONCE = 256_000


class LogFollower:
    """Follows log files. The processes write to their files themselves, so that a slow screen never makes one wait."""

    def __init__(self, show: Callable[[str, str], None]) -> None:
        """`show(name, line)` is called for every line that is written from now on."""
        self._show = show
        self._files: dict[str, tuple[Path, int]] = {}

    def follow(self, name: str, log: Path) -> None:
        """Show what `name` writes to `log` from now on; what it wrote in earlier runs is kept as `<log>.1`."""
        if log.exists():
            log.replace(log.with_name(f"{log.name}.1"))
        self._files[name] = (log, 0)

    async def run(self) -> None:
        """Until cancelled; then shows what is left."""
        try:
            while True:
                self.look()
                await asyncio.sleep(_LOOK_EVERY)
        finally:
            self.look()

    def look(self) -> None:
        """Show what was written since the last look."""
        for name, (log, position) in self._files.items():
            with contextlib.suppress(FileNotFoundError):
                self._files[name] = (log, self._read(name, log, position))

    def _read(self, name: str, log: Path, position: int) -> int:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size - position > _MOST_AT_ONCE:
                self._show(name, f"... {size - position - _MOST_AT_ONCE} bytes more in {log}")
                position = size - _MOST_AT_ONCE
            file.seek(position)
            chunk = file.read(size - position)
        complete = chunk.rfind(b"\n") + 1
        for line in chunk[:complete].decode(errors="replace").splitlines():
            self._show(name, line)
        if size > MOST_BYTES:
            # The writer holds the file open for appending: what it holds stays valid when the file is emptied under it.
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)
            return 0
        return position + complete
