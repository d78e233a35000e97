"""`blocks dead-letters`: lists, shows, mends, replays and discards messages that a consumer could not handle."""

import asyncio
import json
import sys
from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from contracts.events.base import TYPE_PREFIX
from deploy.embedded.data_dir import running
from deploy.embedded.errors import OperatorError
from deploy.embedded.services import SERVICE_NAMES, find_service
from shared.command_line import DEFAULT_DATA_DIR, console

if TYPE_CHECKING:
    from rich.console import Console

    from deploy.embedded.databases import ServiceDatabase
    from shared.bus.dead_letters import DeadLetter, DeadLetters

app = typer.Typer(name="dead-letters", help="Messages that a service could not handle.", no_args_is_help=True, rich_markup_mode=None)
T = TypeVar("T")

DataDir = Annotated[Path, typer.Option("--data-dir", help="Of the running platform.", envvar="BLOCKS_DATA_DIR")]
MongoDB = Annotated[str | None, typer.Option("--mongodb", help="Of a platform that `blocks up` does not run.", envvar="BLOCKS_MONGODB")]
Service = Annotated[str | None, typer.Option("--service", help="Of this service only.")]
Id = Annotated[str, typer.Argument(help="As `blocks dead-letters list` shows it, or a longer beginning of the id.")]


@app.command(name="list")
def list_(
    *,
    service: Service = None,
    state: Annotated[
        Literal["dead", "parked", "unsent", "command"],
        typer.Option(
            help="dead: waits for a person; parked: is retried by itself; unsent: the broker refuses it; command: tried for too long."
        ),
    ] = "dead",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Of each service, the oldest first.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    mongodb: MongoDB = None,
) -> None:
    """List the messages that wait, the oldest first."""

    from deploy.embedded.databases import list_dead_letters  # noqa: PLC0415  (it imports the driver)

    if state in ("unsent", "command"):
        _list_failed_work(state, _services(service), limit, data_dir, mongodb, as_json=as_json)
        return
    letters = _run(lambda mongodb: list_dead_letters(mongodb, _services(service), state=state, limit=limit), data_dir, mongodb)
    if as_json:
        _write([_as_data(name, letter) for name, letter in letters])
        return
    if not letters:
        console().print(f"No {state} messages.")
        return
    from shared.bus.dead_letters import short_ids  # noqa: PLC0415  (it imports the driver)

    short = short_ids([letter for _, letter in letters])
    screen = console()
    for name, letter in letters:
        head = f"{short[letter.id]}  {name}  {letter.parked_at:%Y-%m-%d %H:%M}  {_attempts(letter.attempts)}"
        _print_entry(screen, head, f"{letter.event_type.removeprefix(TYPE_PREFIX) or 'no event'}: {letter.error}")
    screen.print("Next: blocks dead-letters show ID", markup=False)


@app.command()
def show(id_: Id, service: Service = None, data_dir: DataDir = DEFAULT_DATA_DIR, mongodb: MongoDB = None) -> None:
    """Show one message: why it failed, its headers, and its value (as JSON, or in base64 where it is not JSON)."""

    async def work(letters: "DeadLetters", name: str, whole: str) -> dict[str, Any]:
        return _as_data(name, await letters.show(whole), content=True)

    async def fallback(database: "ServiceDatabase", name: str) -> dict[str, Any]:
        from deploy.embedded import failed_work  # noqa: PLC0415  (it imports the driver)

        return await failed_work.show(database, name, id_)

    _write(_with_message(id_, service, data_dir, mongodb, work=work, fallback=fallback))


@app.command()
def replay(
    id_: Id,
    *,
    service: Service = None,
    value: Annotated[Path | None, typer.Option("--value", exists=True, dir_okay=False, help="A file with the mended event.")] = None,
    may_repeat: Annotated[bool, typer.Option("--may-repeat", help="Of a command too old to be recognised by its receiver.")] = False,
    header: Annotated[list[str] | None, typer.Option("--header", metavar="NAME=VALUE", help="Set a header; may be repeated.")] = None,
    without_header: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Remove a header; may be repeated.")] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    mongodb: MongoDB = None,
) -> None:
    """Try it again now; it keeps its place before later messages of its key."""
    mended = value.read_bytes() if value else None
    headers: dict[str, bytes | None] = dict.fromkeys(without_header or [])
    for setting in header or []:
        name, equals, text = setting.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{setting!r} is not NAME=VALUE, for example ce_specversion=1.0", param_hint="--header")
        headers[name] = text.encode()

    async def work(letters: "DeadLetters", name: str, whole: str) -> str:
        await letters.replay(whole, value=mended, headers=headers)
        what = [word for word, is_mended in (("value", mended is not None), ("headers", bool(headers))) if is_mended]
        return f"{name} tries {whole} again{' with the mended ' if what else ''}{' and '.join(what)}."

    async def fallback(database: "ServiceDatabase", name: str) -> str:
        from deploy.embedded import failed_work  # noqa: PLC0415  (it imports the driver)

        return await failed_work.retry(database, name, id_, value=mended, may_repeat=may_repeat)

    typer.echo(_with_message(id_, service, data_dir, mongodb, work=work, fallback=fallback))


@app.command()
def discard(
    id_: Id,
    service: Service = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    mongodb: MongoDB = None,
) -> None:
    """Forget it for good: when the message comes again, it takes no effect."""
    if not yes:
        typer.confirm(f"Discard {id_} for good?", abort=True)

    async def work(letters: "DeadLetters", name: str, whole: str) -> str:
        await letters.discard(whole)
        return f"{name} forgot {whole}."

    async def fallback(database: "ServiceDatabase", name: str) -> str:
        from deploy.embedded import failed_work  # noqa: PLC0415  (it imports the driver)

        return await failed_work.discard(database, name, id_)

    typer.echo(_with_message(id_, service, data_dir, mongodb, work=work, fallback=fallback))


def _with_message(
    id_: str,
    service: str | None,
    data_dir: Path,
    mongodb: str | None,
    *,
    work: Callable[["DeadLetters", str, str], Awaitable[T]],
    fallback: Callable[["ServiceDatabase", str], Awaitable[T]],
) -> T:
    """Call `work` for the service that holds the message, or `fallback` for an unsent event or a dead command."""

    from deploy.embedded.databases import with_dead_letter  # noqa: PLC0415  (it imports the driver)

    return _run(lambda mongodb: with_dead_letter(mongodb, _services(service), id_, work, fallback), data_dir, mongodb)


def _list_failed_work(state: str, services: tuple[str, ...], limit: int, data_dir: Path, mongodb: str | None, *, as_json: bool) -> None:
    from deploy.embedded import databases, failed_work  # noqa: PLC0415  (it imports the driver)

    if state == "unsent":
        unsent = _run(lambda mongodb: databases.list_unsent(mongodb, services, limit=limit), data_dir, mongodb)
        data = [failed_work.unsent_as_data(name, message) for name, message in unsent]
        rows = [(name, *failed_work.row_of(message)) for name, message in unsent]
    else:
        commands = _run(lambda mongodb: databases.list_commands(mongodb, services, limit=limit), data_dir, mongodb)
        data = [failed_work.command_as_data(name, command) for name, command in commands]
        rows = [(name, *failed_work.row_of(command)) for name, command in commands]
    if as_json:
        _write(data)
        return
    screen = console()
    for name, id_, event, attempts, since, error in rows:
        _print_entry(screen, f"{id_}  {name}  {since}  {_attempts(attempts)}", f"{event}: {error}")
    if not rows:
        screen.print(f"No {'unsent events' if state == 'unsent' else 'dead commands'}.")


def _attempts(count: int | str) -> str:
    return f"{count} attempt{'' if str(count) == '1' else 's'}"


def _print_entry(screen: "Console", head: str, what: str) -> None:
    """Print two lines that fit 80 columns; the first begins with the id, which can be copied."""
    screen.print(head, markup=False, soft_wrap=True)
    screen.print(f"  {what}", markup=False, no_wrap=True, overflow="ellipsis")


def _run(work: Callable[[str], Awaitable[T]], data_dir: Path, mongodb: str | None) -> T:
    async def with_address() -> T:
        return await work(mongodb or running(data_dir, default=DEFAULT_DATA_DIR).mongodb)

    try:
        return asyncio.run(with_address())
    except OperatorError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(1) from None


def _services(service: str | None) -> tuple[str, ...]:
    return (find_service(service).name,) if service else SERVICE_NAMES


def _as_data(service: str, letter: "DeadLetter", *, content: bool = False) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": letter.id,
        "service": service,
        "state": letter.state,
        "consumer": letter.consumer,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "key": letter.key,
        "event_type": letter.event_type,
        "error": letter.error,
        "attempts": letter.attempts,
        "parked_at": letter.parked_at.isoformat(),
        "due": letter.due.isoformat(),
        "trace_id": letter.trace_id,
    }
    if content:
        data["is_cut"] = letter.is_cut
        data["headers"] = {name: None if value is None else value.decode(errors="backslashreplace") for name, value in letter.headers}
        try:
            data["value"] = json.loads(letter.value)
        except ValueError:
            data["value_base64"] = b64encode(letter.value).decode()
    return data


def _write(data: Any) -> None:
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
