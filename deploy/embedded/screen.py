"""The terminal output of `blocks up`."""

import json
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.embedded.ready_file import Ready
from services.addresses.domain.geography.boroughs import BOROUGHS

_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_green", "bright_magenta")


class Screen:
    """Prints the runner's lines, the services' logs and the table of addresses."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._colours: dict[str, str] = {}

    def say(self, line: str) -> None:
        """Print a line of the runner itself."""
        now = datetime.now().astimezone().strftime("%H:%M:%S")
        self._console.print(Text.assemble((f"{now} ", "dim"), (f"{'blocks':>16} ", "bold"), line), soft_wrap=True)

    def show_log(self, name: str, line: str) -> None:
        """Print a line of a process's log; a JSON line becomes a sentence."""
        line = readable(line)
        colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
        self._console.print(Text.assemble((f"{name:>25} ", colour), Text.from_ansi(line)), soft_wrap=True)

    def addresses(self, ready: Ready, *, took: float, own_file: Path, example: str | None = None) -> None:
        """Print the addresses, the demo sign-ins and the next steps; `example` is an address that a search finds."""
        table = titled(f"Ready after {took:.1f} s", "what", "where")
        for name, url in ready.urls.items():
            table.add_row(name.replace("_", " "), url)
        if ready.captured:
            table.add_row("captured mail and texts", ready.captured)
        table.add_row("database", f"{ready.mongodb_shown} ({ready.engine_shown})")
        table.add_row("broker", ready.kafka)
        self._console.print(table)
        if ready.identity and ready.identity.people:
            people = titled("Demo sign-ins (the code is in the captured mail)", "email", "name", "borough")
            for person in ready.identity.people:
                people.add_row(person.email, person.name, borough_shown(person.borough))
            self._console.print(people)
        for line in next_steps(ready, own_file, example):
            self._console.print(Text(line), soft_wrap=True)


def titled(title: str, *headings: str) -> Table:
    """Return an empty table with a title and headings."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    return table


def borough_shown(code: str | None) -> str:
    """Return `Hackney (E09000012)`: name and GSS code; empty for None."""
    borough = BOROUGHS.get(code or "")
    return f"{borough.name} ({code})" if borough else code or ""


def next_steps(ready: Ready, own_file: Path, example: str | None) -> list[str]:
    """Return the next steps for a newcomer: what to open, where the keys are, how to stop."""
    steps = []
    if home := ready.urls.get("move_home"):
        people = ready.identity.people if ready.identity else ()
        steps.append(
            f"Open {home} and tell the councils that you move" + (f" to {example}" if example and "addresses" in ready.urls else "")
        )
        if people and ready.captured:
            steps.append(f"Sign in as {people[0].email}; the code comes to {ready.captured}")
    steps.append(f"Read docs/running.md to build on it; keys and client secrets are in {own_file}")
    steps.append("Stop with Ctrl-C; `blocks status` in another window shows how it is")
    return steps


def readable(line: str) -> str:
    """Turn a service's JSON line into `WARNING services.addresses: ...`; return any other line unchanged."""
    if not line.startswith("{"):
        return line
    try:
        said = json.loads(line)
        shown = f"{said['level']} {said['logger']}: {said['message']}"
    except (ValueError, KeyError, TypeError):
        return line
    error = " ".join(str(said[name]) for name in ("error", "at") if name in said)
    return f"{shown} ({error})" if error else shown
