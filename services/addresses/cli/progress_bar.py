"""The progress bar of a long command."""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

SECONDS_UNTIL_SHOWN = 2.0


class ProgressBar:
    """Shows the progress of an import on a terminal, once it takes longer than `SECONDS_UNTIL_SHOWN`."""

    def __init__(self, console: Console) -> None:
        self._began = time.monotonic()
        self._watched = console.is_terminal
        columns = (TextColumn("{task.description:>8}"), BarColumn(), TextColumn("{task.fields[shown]}"), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, transient=True)
        self._task: TaskID | None = None
        self._unit, self._total, self._step_began = "", 0, self._began

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress.live.is_started:
            self._progress.stop()

    def step(self, name: str, total: int, unit: str) -> None:
        """Begin a step of `total` units, such as bytes or rows."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._unit, self._total, self._step_began = unit, total, time.monotonic()
        self._task = self._progress.add_task(name, total=total, shown="")

    def at(self, done: int) -> None:
        """Report the units done of the current step."""
        now = time.monotonic()
        if self._watched and self._task is not None and now - self._began > SECONDS_UNTIL_SHOWN:
            self._progress.start()
            rate = done / max(now - self._step_began, 0.001)
            self._progress.update(self._task, completed=done, shown=_shown(done, self._total, self._unit, rate))


def _shown(done: int, total: int, unit: str, rate: float) -> str:
    if unit == "bytes":
        return f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB, {rate / 1e6:,.1f} MB/s"
    return f"{done:,} of {total:,} {unit}, {rate:,.0f}/s"
