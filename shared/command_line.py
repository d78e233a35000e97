"""What the commands of `blocks` share, wherever a block defines them: how they take arguments, the data directory, the console.

Only commands import it: it needs typer and rich.
"""

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperCommand

DEFAULT_DATA_DIR = Path(".blocks")
WIDE = 160
"""Columns of output where no terminal shows it."""
_VALUES = frozenset({"true", "false", "yes", "no", "on", "off", "1", "0"})


class Command(TyperCommand):
    """A command that says so where a flag is given a value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # typer's own copy of click has no public types
        """Raises a usage error for `--ephemeral true`; `--ephemeral=true` raises one anyway."""
        flags = {name for option in self.params if getattr(option, "is_flag", False) for name in option.opts}
        _refuse_values(ctx, args, flags)
        return super().parse_args(ctx, args)


def named(text: str | Path) -> Path:
    """The folder that an option names, for `typer.Option(parser=...)`.

    Raises typer.BadParameter for an empty name, which would be the current folder.
    """
    if not str(text).strip():
        raise typer.BadParameter("it names no directory: leave the option out, or give a name.")
    return Path(text)


DataDir = Annotated[
    Path,
    typer.Option("--data-dir", metavar="DIR", parser=named, help="Where the platform keeps its data.", envvar="BLOCKS_DATA_DIR"),
]


def console(*, stderr: bool = False) -> Console:
    """The console that a command writes to. Without a terminal it is `WIDE`, so that no address or id is cut at 80 columns."""
    watched = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, highlight=False, width=None if watched else WIDE)


def _refuse_values(ctx: Any, args: Sequence[str], flags: set[str]) -> None:
    for flag, value in pairwise(args):
        if flag in flags and value.lower() in _VALUES:
            ctx.fail(f"{flag} is a flag and takes no value: write {flag} alone, or leave it out.")
