"""Commands of `blocks`, as they take their arguments."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from typer.core import TyperCommand

_VALUES = frozenset({"true", "false", "yes", "no", "on", "off", "1", "0"})


class Command(TyperCommand):
    """A command that says so where a flag is given a value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # typer's own copy of click has no public types
        """Raises a usage error for `--ephemeral true`; `--ephemeral=true` raises one anyway."""
        flags = {name for option in self.params if getattr(option, "is_flag", False) for name in option.opts}
        _refuse_values(ctx, args, flags)
        return super().parse_args(ctx, args)


def _refuse_values(ctx: Any, args: Sequence[str], flags: set[str]) -> None:
    for flag, value in pairwise(args):
        if flag in flags and value.lower() in _VALUES:
            ctx.fail(f"{flag} is a flag and takes no value: write {flag} alone, or leave it out.")
