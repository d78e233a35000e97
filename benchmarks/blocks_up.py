"""`blocks up` as a process of its own, for benchmarks of the whole platform."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 180


@dataclass(frozen=True)
class Running:
    """A ready platform."""

    process: "subprocess.Popen[bytes]"
    ready: dict[str, Any]
    """The ready file."""
    seconds: float
    """Seconds from the start of the command to ready."""

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name, with the runner."""
        return {"runner": self.process.pid} | {name: pids[0] for name, pids in self.ready["processes"].items()}


@asynccontextmanager
async def blocks_up(directory: Path, *options: str) -> AsyncIterator[Running]:
    """Run a platform with its data in `directory`/data until the block ends. Raises RuntimeError if it does not start."""
    ready_file, output = directory / "ready.json", directory / "output"
    command = [sys.executable, "-m", "deploy.embedded.cli", "up", "--port-base", "0", "--data-dir", str(directory / "data")]
    began = time.monotonic()
    with output.open("ab") as log:
        process = subprocess.Popen(  # noqa: ASYNC220 (it returns at once)
            [*command, "--ready-file", str(ready_file), *options],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
    try:
        while not ready_file.exists():
            if process.poll() is not None or time.monotonic() - began > PATIENCE_SECONDS:
                raise RuntimeError(f"the platform did not come up: {output.read_text(errors='replace')[-2000:]}")
            await asyncio.sleep(0.02)
        yield Running(process, json.loads(ready_file.read_text(encoding="utf-8")), time.monotonic() - began)
    finally:
        process.terminate()
        try:
            await asyncio.to_thread(process.wait, 20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
