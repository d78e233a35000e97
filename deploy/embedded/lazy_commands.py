"""Command groups that import their module on first use, which keeps the modules of `blocks addresses` out of the memory of `blocks up`."""

from functools import cached_property
from importlib import import_module
from typing import Any

from typer.core import TyperGroup
from typer.main import get_group


def make_lazy_group(module: str) -> type[TyperGroup]:
    """Return a group class for `typer.Typer(cls=...)` that takes its commands from the Typer `app` of `module`."""

    class Group(TyperGroup):
        @cached_property
        def loaded(self) -> TyperGroup:
            return get_group(import_module(module).app)

        def list_commands(self, ctx: Any) -> list[str]:  # typer's own copy of click has no public types
            return self.loaded.list_commands(ctx)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            return self.loaded.get_command(ctx, cmd_name)

    return Group
