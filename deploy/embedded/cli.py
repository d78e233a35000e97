"""The command `blocks`."""

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from deploy.embedded import data_dir as directories
from deploy.embedded import dead_letters, keys
from deploy.embedded.engines import EngineChoice, fast_engine_is_built
from deploy.embedded.errors import OperatorError
from deploy.embedded.file_locks import data_dir_lock
from deploy.embedded.lazy_commands import make_lazy_group
from deploy.embedded.options import BrokerChoice, Options, parse_only, parse_replicas
from deploy.embedded.platform import Platform
from deploy.embedded.screen import Screen
from deploy.embedded.services import SERVICE_NAMES
from shared.command_line import DEFAULT_DATA_DIR, Command, DataDir, console

app = typer.Typer(
    name="blocks",
    help="Run London Building Blocks on this machine.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
addresses = make_lazy_group("services.addresses.cli.commands")
of_addresses = typer.Typer(cls=addresses, help="Address files and releases of the gazetteer.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(of_addresses, name="addresses")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(keys.app, name="keys")


@app.command(cls=Command)
def up(
    *,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    ephemeral: Annotated[bool, typer.Option("--ephemeral", help="Keep the data in a temporary directory and remove it at exit.")] = False,
    port_base: Annotated[int, typer.Option("--port-base", help="The portal's port; the others follow it. 0 takes free ports.")] = 8000,
    ready_file: Annotated[
        Path | None, typer.Option("--ready-file", help="Write addresses and demo credentials here once everything answers.")
    ] = None,
    only: Annotated[
        str | None,
        typer.Option("--only", help=f"Start these services only, for example identity,notifications. All: {','.join(SERVICE_NAMES)}."),
    ] = None,
    kafka: Annotated[str | None, typer.Option("--kafka", help="Use this broker (HOST:PORT) instead of the embedded one.")] = None,
    mongodb: Annotated[
        str | None,
        typer.Option("--mongodb", help="Use this MongoDB replica set (URL) instead of the embedded one.", envvar="BLOCKS_MONGODB"),
    ] = None,
    engine: Annotated[
        EngineChoice | None, typer.Option("--engine", help="The embedded database: fast (after `make engine`) or python.")
    ] = None,
    broker: Annotated[
        BrokerChoice, typer.Option("--broker", help="The embedded broker: tansu (in memory) or apache (durable; needs Java 17 and Maven).")
    ] = "tansu",
    replicas: Annotated[
        list[str] | None, typer.Option("--replicas", metavar="SERVICE=N", help="Run N processes of a service; can be repeated.")
    ] = None,
    no_demo: Annotated[bool, typer.Option("--no-demo", help="Start without the demo people, applications and agreement.")] = False,
) -> None:
    """Start database, broker and every service, and run until Ctrl-C."""
    screen = Screen(console())
    with operator_errors_as_lines(), prepared_data_dir(data_dir, ephemeral=ephemeral) as directory, data_dir_lock(directory):
        options = Options(
            port_base=port_base,
            ready_file=ready_file,
            only=parse_only(only),
            kafka=kafka,
            mongodb=mongodb,
            engine=engine or ("fast" if fast_engine_is_built() else "python"),
            broker=broker,
            replicas=parse_replicas(replicas or []),
            demo=not no_demo,
        )
        asyncio.run(run(options, directory, screen))


async def run(options: Options, directory: Path, screen: Screen) -> None:
    """Run one platform from start to stop."""
    await Platform(options, directory, screen).run()


@app.command(cls=Command)
def status(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Each process: pid, port, ready, memory, consumer lag, unpublished outbox rows, parked and dead messages."""
    from deploy.embedded.status import as_json, as_table, collect  # noqa: PLC0415  (`up` never pays for its memory)

    with operator_errors_as_lines():
        states = asyncio.run(collect(directories.running(data_dir, default=DEFAULT_DATA_DIR)))
    if json:
        sys.stdout.write(as_json(states) + "\n")
    else:
        console().print(as_table(states))
    if not all(state.ready for state in states):
        raise typer.Exit(1)


@app.command(cls=Command)
def reset(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove what the platform stored, and its data directory where nothing else is in it."""
    with operator_errors_as_lines():
        if not data_dir.is_dir():
            raise OperatorError(f"There is nothing to remove: {data_dir} is no directory.")
        if not directories.is_ours(data_dir):
            raise OperatorError(f"{data_dir} does not look like a platform's data: nothing is removed.")
        with data_dir_lock(data_dir):
            made, others = directories.made_in(data_dir)
            sys.stdout.write(f"Of {data_dir.absolute()}: {', '.join(path.name for path in made)}.\n")
            if others:
                sys.stdout.write(f"What the platform did not make stays: {', '.join(path.name for path in others)}.\n")
            if not yes:
                typer.confirm("Remove these for good?", abort=True)
            directories.remove(data_dir)
        sys.stdout.write("Removed.\n")


@contextmanager
def prepared_data_dir(data_dir: Path, *, ephemeral: bool) -> Iterator[Path]:
    """Prepare the data directory, or a temporary one that is removed at the end of the block."""
    if ephemeral:
        with tempfile.TemporaryDirectory(prefix=directories.EPHEMERAL, ignore_cleanup_errors=True) as temporary:
            yield directories.prepare(Path(temporary))
        return
    yield directories.prepare(data_dir)


@contextmanager
def operator_errors_as_lines() -> Iterator[None]:
    """Print an OperatorError as one line on stderr and exit with code 1, without a traceback."""
    try:
        yield
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from None


def main() -> None:
    """Run the console script."""
    app()


if __name__ == "__main__":
    main()
