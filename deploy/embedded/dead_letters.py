"""`blocks dead-letters`: messages that a consumer could not handle; look at them, mend, replay, discard."""

import asyncio
import json
import sys
from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer
from rich.table import Table

from deploy.embedded.data_dir import running
from deploy.embedded.errors import OperatorError
from deploy.embedded.options import DEFAULT_DATA_DIR
from deploy.embedded.parts import PART_NAMES, part_named
from deploy.embedded.screen import console

if TYPE_CHECKING:
    from shared.bus.dead_letters import DeadLetter, DeadLetters

app = typer.Typer(name="dead-letters", help="Messages that a service could not handle.", no_args_is_help=True, rich_markup_mode=None)
T = TypeVar("T")

DataDir = Annotated[Path, typer.Option("--data-dir", help="Of the running platform.", envvar="BLOCKS_DATA_DIR")]
MongoDB = Annotated[str | None, typer.Option("--mongodb", help="Of a platform that `blocks up` does not run.", envvar="BLOCKS_MONGODB")]
Service = Annotated[str | None, typer.Option("--service", help="Of this service only.")]
Id = Annotated[str, typer.Argument(help="As `blocks dead-letters list` shows it.")]


@app.command(name="list")
def list_(
    *,
    service: Service = None,
    state: Annotated[Literal["dead", "parked"], typer.Option(help="dead: waits for a person; parked: is retried by itself.")] = "dead",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Of each service, the oldest first.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    mongodb: MongoDB = None,
) -> None:
    """Those that wait, the oldest first."""

    from deploy.embedded.databases import list_dead_letters  # noqa: PLC0415  (see there)

    letters = _run(lambda mongodb: list_dead_letters(mongodb, _services(service), state=state, limit=limit), data_dir, mongodb)
    if as_json:
        _write([_as_data(name, letter) for name, letter in letters])
        return
    table = Table()
    for heading in ("service", "id", "event", "attempts", "since", "error"):
        table.add_column(heading, overflow="fold")
    for name, letter in letters:
        table.add_row(name, letter.id, letter.event_type, str(letter.attempts), f"{letter.parked_at:%Y-%m-%d %H:%M:%S}", letter.error)
    console().print(table if letters else f"No {state} messages.")


@app.command()
def show(id_: Id, service: Service = None, data_dir: DataDir = DEFAULT_DATA_DIR, mongodb: MongoDB = None) -> None:
    """One message: why it failed, its headers, and its value (as JSON, or in base64 where it is none)."""

    async def work(letters: "DeadLetters", name: str) -> dict[str, Any]:
        return _as_data(name, await letters.show(id_), whole=True)

    _write(_where_it_is(id_, service, data_dir, mongodb, work))


@app.command()
def replay(
    id_: Id,
    service: Service = None,
    value: Annotated[Path | None, typer.Option("--value", exists=True, dir_okay=False, help="A file with the mended event.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    mongodb: MongoDB = None,
) -> None:
    """Try it again now; it keeps its place before later messages of its key."""
    mended = value.read_bytes() if value else None

    async def work(letters: "DeadLetters", name: str) -> str:
        await letters.replay(id_, value=mended)
        return f"{name} tries {id_} again{' with the mended value' if mended is not None else ''}."

    typer.echo(_where_it_is(id_, service, data_dir, mongodb, work))


@app.command()
def discard(
    id_: Id,
    service: Service = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    mongodb: MongoDB = None,
) -> None:
    """Forget it for good."""
    if not yes:
        typer.confirm(f"Discard {id_} for good?", abort=True)

    async def work(letters: "DeadLetters", name: str) -> str:
        await letters.discard(id_)
        return f"{name} forgot {id_}."

    typer.echo(_where_it_is(id_, service, data_dir, mongodb, work))


def _where_it_is(
    id_: str, service: str | None, data_dir: Path, mongodb: str | None, work: Callable[["DeadLetters", str], Awaitable[T]]
) -> T:
    """Do `work` in the service whose database holds that message."""

    from deploy.embedded.databases import with_dead_letter  # noqa: PLC0415  (see there)

    return _run(lambda mongodb: with_dead_letter(mongodb, _services(service), id_, work), data_dir, mongodb)


def _run(work: Callable[[str], Awaitable[T]], data_dir: Path, mongodb: str | None) -> T:
    async def with_address() -> T:
        return await work(mongodb or running(data_dir, default=DEFAULT_DATA_DIR).mongodb)

    try:
        return asyncio.run(with_address())
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from None


def _services(service: str | None) -> tuple[str, ...]:
    return (part_named(service).name,) if service else PART_NAMES


def _as_data(service: str, letter: "DeadLetter", *, whole: bool = False) -> dict[str, Any]:
    data = {
        "id": letter.id,
        "service": service,
        "state": letter.state,
        "consumer": letter.consumer,
        "topic": letter.topic,
        "key": letter.key,
        "event_type": letter.event_type,
        "error": letter.error,
        "attempts": letter.attempts,
        "parked_at": letter.parked_at.isoformat(),
        "due": letter.due.isoformat(),
        "trace_id": letter.trace_id,
    }
    if whole:
        data["headers"] = {name: value.decode(errors="replace") for name, value in letter.headers}
        try:
            data["value"] = json.loads(letter.value)
        except ValueError:
            data["value_base64"] = b64encode(letter.value).decode()
    return data


def _write(data: Any) -> None:
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
