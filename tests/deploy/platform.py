"""A platform that `blocks up` runs: its process, output and ready file."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
PATIENCE = float(os.environ.get("BLOCKS_TEST_PATIENCE", "120"))
FIRST_START = max(PATIENCE, 300.0)
"""Seconds: the start timeout of `blocks up` for a service that builds the shipped addresses."""


def until(check: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """Call `check` until it returns a true value, and return that; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := check()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {check}"
        time.sleep(0.05)
    return value


def blocks(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a `blocks` command until it exits."""
    command = [sys.executable, "-m", "deploy.embedded.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=_environment(environment or {}), check=False)


def _chosen_engines(options: Sequence[str]) -> list[str]:
    """Return options for the engines of this test run (see tests/conftest.py), unless the test names its own."""
    chosen = (("BLOCKS_TEST_BROKER", "--broker", "--kafka"), ("BLOCKS_TEST_ENGINE", "--engine", "--mongodb"))
    return [
        word
        for variable, option, instead in chosen
        if (value := os.environ.get(variable)) and option not in options and instead not in options
        for word in (option, value)
    ]


def _environment(more: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120", **more}


class RunningBlocks:
    """A process of `blocks up`."""

    def __init__(self, directory: Path, *options: str, **environment: str) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.ready_file = directory / "ready.json"
        self.output = directory / "output"
        start = [sys.executable, "-m", "deploy.embedded.cli", "up", "--port-base", "0", "--ready-file", str(self.ready_file)]
        command = [*start, *_chosen_engines(options), *options]
        with self.output.open("w") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=_environment(environment), cwd=directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def wait_until_ready(self) -> dict[str, Any]:
        """Wait for the ready file and return its content."""

        def is_ready() -> bool:
            assert self.process.poll() is None, self.text
            return self.ready_file.exists()

        until(is_ready, FIRST_START)
        return self.ready

    @property
    def ready(self) -> dict[str, Any]:
        """The current content of the ready file."""
        content: dict[str, Any] = json.loads(self.ready_file.read_text())
        return content

    @property
    def pids(self) -> dict[str, list[int]]:
        """Process ids by service."""
        found: dict[str, list[int]] = self.ready["processes"]
        return found

    @property
    def text(self) -> str:
        """The whole output."""
        return self.output.read_text()

    def interrupt(self) -> tuple[int, float]:
        """Send SIGINT; return the exit code and the seconds until the exit."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30), time.monotonic() - began
