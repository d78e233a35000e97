"""What the person who runs `blocks up` sees."""

import sys
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.embedded.ready_file import Ready

WIDE = 160
_COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_green", "bright_magenta")


def console(*, stderr: bool = False) -> Console:
    """Where a command writes. Where nobody watches it is wide, so that an address or an id is not cut to the 80 columns of no terminal."""
    watched = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, highlight=False, width=None if watched else WIDE)


class Screen:
    """Lines of the runner and of the services' logs, and the table of addresses."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._colours: dict[str, str] = {}

    def say(self, line: str) -> None:
        """A line of the runner itself."""
        now = datetime.now().astimezone().strftime("%H:%M:%S")
        self._console.print(Text.assemble((f"{now} ", "dim"), (f"{'blocks':>16} ", "bold"), line), soft_wrap=True)

    def show_log(self, name: str, line: str) -> None:
        """A line that a process wrote to its log."""
        colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
        self._console.print(Text.assemble((f"{name:>25} ", colour), Text.from_ansi(line)), soft_wrap=True)

    def addresses(self, ready: Ready, *, took: float) -> None:
        """Where everything is, and who can sign in."""
        table = Table(title=f"Ready after {took:.1f} s", title_justify="left", show_header=False, title_style="bold")
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        for name, url in ready.urls.items():
            table.add_row(name.replace("_", " "), url)
        if ready.captured:
            table.add_row("captured mail and texts", ready.captured)
        table.add_row("database", f"{ready.mongodb_shown} ({ready.engine_shown})")
        table.add_row("broker", ready.kafka)
        self._console.print(table)
        if ready.identity and ready.identity.people:
            people = Table(title="Demo sign-ins (the code is in the captured mail)", title_justify="left", title_style="bold")
            for heading in ("email", "name", "borough"):
                people.add_column(heading, no_wrap=True)
            for person in ready.identity.people:
                people.add_row(person.email, person.name, person.borough or "")
            self._console.print(people)
