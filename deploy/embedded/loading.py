"""A group of commands that is imported when one of them is called: what `blocks addresses` needs is not in the memory of `blocks up`."""

from functools import cached_property
from importlib import import_module
from typing import Any

from typer.core import TyperGroup
from typer.main import get_group


def imported_when_called(module: str) -> type[TyperGroup]:
    """The class (`typer.Typer(cls=...)`) of a group whose commands are those of the Typer `app` of that module."""

    class Group(TyperGroup):
        @cached_property
        def loaded(self) -> TyperGroup:
            return get_group(import_module(module).app)

        def list_commands(self, ctx: Any) -> list[str]:  # typer's own copy of click has no public types
            return self.loaded.list_commands(ctx)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            return self.loaded.get_command(ctx, cmd_name)

    return Group
