"""`blocks addresses generate`: writes files of synthetic premises."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from services.addresses.gazetteer.builds.synthetic_files import WrittenFile, generate_changes, generate_files
from shared.command_line import console

from .errors import CommandError


def generate(
    premises: Annotated[int, typer.Option("--premises", min=1, help="How many; London has about 4.5 million.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A directory that is empty or not there yet.")],
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same files.")] = 1,
    changes: Annotated[
        bool,
        typer.Option("--changes", help="Write what a quarter of a year changes in the premises of the same number and seed, as updates."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Write files of made-up premises on London's real postcodes, in the formats of AddressBase Core and AddressBase Premium: a full
    supply, or with --changes the change-only updates that follow it.
    """
    screen = console(stderr=True)
    columns = (TextColumn("premises"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
            task = progress.add_task("premises", total=premises)
            write = generate_changes if changes else generate_files
            files = _written(out, lambda: write(premises, seed, out, lambda done: progress.update(task, completed=done)))
    except CommandError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from None
    if as_json:
        sys.stdout.write(json.dumps([_as_data(file) for file in files], indent=2) + "\n")
    else:
        console().print(_as_table(files))


def _written(out: Path, write: Callable[[], list[WrittenFile]]) -> list[WrittenFile]:
    try:
        return write()
    except FileExistsError:
        raise CommandError(f"{out} is a file or has files in it: give a directory that is empty or not there yet.") from None
    except OSError as error:
        raise CommandError(f"{out} cannot be written to ({error.strerror}): what was begun is removed.") from error
    except ValueError as error:
        raise CommandError(f"That many premises cannot be made: {error}.") from error


def _as_data(file: WrittenFile) -> dict[str, str | int]:
    return {"path": str(file.path), "format": file.format, "records": file.records, "bytes": file.bytes}


def _as_table(files: list[WrittenFile]) -> Table:
    table = Table(title=str(files[0].path.parent), title_justify="left", title_style="bold")
    table.add_column("file", overflow="fold")
    table.add_column("format")
    table.add_column("records", justify="right")
    table.add_column("MB", justify="right")
    for file in files:
        table.add_row(file.path.name, file.format, f"{file.records:,}", f"{file.bytes / 1e6:,.1f}")
    return table
