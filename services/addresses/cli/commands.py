"""`blocks addresses import`, `releases`, `activate` and `rollback`: which addresses the platform serves.

They work on the addresses' data directory, whether the platform runs or not; its replicas switch within two seconds.
"""

import errno
import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from services.addresses.domain.addressbase.incoming import WrongFileError
from services.addresses.domain.releases.quality import CheckName, GateResult
from services.addresses.gazetteer.distribution.activation_log import CrossedError
from services.addresses.gazetteer.distribution.download import WrongObjectError
from services.addresses.gazetteer.distribution.object_store import StoreError
from services.addresses.gazetteer.distribution.release_store import ReleaseStore
from services.addresses.gazetteer.imports.job import ImportOptions, ImportRefusedError
from services.addresses.gazetteer.imports.run import import_files, live_already
from services.addresses.gazetteer.imports.source_files import gather, passed_over
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.import_results import Imported
from services.addresses.gazetteer.releases.manifest import BASE, MANIFEST, DamagedReleaseError, Manifest, folder_of
from services.addresses.gazetteer.releases.quality_gate import judge, report_folder
from services.addresses.gazetteer.releases.quality_report import shown_limit, shown_value
from services.addresses.gazetteer.serving.activate import catch_up, go_back, go_live, is_followed, is_live
from shared.command_line import DEFAULT_DATA_DIR, Command, DataDir, console

from .errors import CommandError
from .generate import app

__all__ = ["app"]

SECONDS_UNTIL_SHOWN = 2.0
MOST_NAMED = 10
"""Members of a ZIP that are named where they were passed over."""
BESIDE_REQUESTS = 10
"""How nice an import is to the processes that answer meanwhile, on the same machine."""
STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""
_SERVED_ON = "What was live is still served."
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Accept = Annotated[
    list[str] | None,
    typer.Option(
        "--accept", metavar="CHECK", help="Let this check fail, because you know why; its name is in the report. Can be repeated."
    ),
]


@app.command(name="import", cls=Command)
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV files, plain or in gzip or ZIP; all volumes of a supply.")],
    *,
    format_: Annotated[
        Literal["core", "premium", "open-uprn", "onspd", "code-point"] | None,
        typer.Option("--format", help="Refuse files of any other format. Told by their contents unless given."),
    ] = None,
    supply: Annotated[
        Literal["full", "update"] | None,
        typer.Option("--supply", help="Whether the files are all there is, or changes. Told by their contents unless given."),
    ] = None,
    max_bad_rows: Annotated[
        float, typer.Option("--max-bad-rows", min=0.0, max=1.0, help="Share of the rows that may be left out as unusable.")
    ] = 0.001,
    activate: Annotated[bool, typer.Option("--activate", help="Go live with it, if it passes the checks.")] = False,
    accept: Accept = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Build a release from address or postcode files and check it. Repeated after whatever stopped it, it goes on where it was."""
    accepted, directory = _checks(accept), _addresses(data_dir)
    with _plain_errors(directory):
        os.nice(BESIDE_REQUESTS)
        with _Bar(console(stderr=True)) as bar:
            store = _store(directory, bar)
            bar.step("checking", sum(path.stat().st_size for path in files), "bytes")
            gathered = gather(files, bar.at)
            is_there = live_already(directory, gathered) is not None
            imported = None if is_there else import_files(directory, gathered, ImportOptions(format_, supply, max_bad_rows), bar)
            if imported is None:
                live = local.live(directory)
                if activate and store and not is_followed(store, live):  # only here, so far
                    go_live(directory, live, accepted, store, bar)
                _say(as_json, {"release": live, "live": True}, f"These files are live already: release {live}.")
                return
            if activate:
                gate_result = go_live(directory, imported.release, accepted, store, bar)
            else:
                gate_result = judge(directory, imported.release, accepted)
    _show_import(directory, imported, gate_result, passed_over(files), as_json=as_json)
    if activate and not gate_result.passed:
        raise typer.Exit(1)


@app.command(cls=Command)
def releases(data_dir: DataDir = DEFAULT_DATA_DIR, as_json: AsJson = False) -> None:
    """The releases on this machine, and which is live."""
    directory = _addresses(data_dir)
    with _plain_errors(directory):
        found = [_as_data(manifest, directory, live=is_live(directory, manifest.release)) for manifest in local.releases(directory)]
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    table = _table("release", "", "built", ">UPRNs", ">streets", ">postcodes", "edition", "premises from")
    for each in found:
        numbers = (f"{each[name]:,}" for name in ("premises", "streets", "postcodes"))
        table.add_row(
            each["release"], "live" if each["live"] else "", each["built"].replace("T", " ")[:16], *numbers, each["edition"], each["from"]
        )
    _print(table) if found else typer.echo(f"There are no releases in {directory}.")


@app.command(name="activate", cls=Command)
def activate_(
    release_id: Annotated[str, typer.Argument(metavar="ID", help="As `blocks addresses releases` shows it.")],
    accept: Accept = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Check a release against the one that is live, and go live with it if it passes."""
    accepted, directory = _checks(accept), _addresses(data_dir)
    with _plain_errors(directory), _Bar(console(stderr=True)) as bar:
        store = _store(directory, bar)
        if release_id not in {manifest.release for manifest in local.releases(directory)}:
            raise CommandError(f"There is no release {release_id}: `blocks addresses releases` lists those that can go live.")
        gate_result = go_live(directory, release_id, accepted, store, bar)
    if as_json:
        sys.stdout.write(json.dumps({**gate_result.as_json(), "live": gate_result.passed}, indent=2) + "\n")
    else:
        _show_gate_result(directory, gate_result, live=gate_result.passed)
    if not gate_result.passed:
        raise typer.Exit(1)


@app.command(cls=Command)
def rollback(data_dir: DataDir = DEFAULT_DATA_DIR, as_json: AsJson = False) -> None:
    """Go back to the release that was live before."""
    directory = _addresses(data_dir)
    with _plain_errors(directory), _Bar(console(stderr=True)) as bar:
        manifest = go_back(directory, _store(directory, bar), bar)
    _say(as_json, _as_data(manifest, directory, live=True), f"Release {manifest.release} is live again.")


def _addresses(data_dir: Path) -> Path:
    """The data directory of the addresses service: the one that it was told, else the platform's."""
    told = os.environ.get("ADDRESSES_DATA_DIR")
    return Path(told) if told else data_dir.absolute() / "addresses"


def _store(directory: Path, bar: "_Bar") -> "ReleaseStore | None":
    """The store that the data directory follows, if it was told of one; what is live there is live here now."""
    url = os.environ.get("ADDRESSES_RELEASES")
    if not url:
        return None
    try:
        store = ReleaseStore(directory, url)
    except ValueError as error:
        raise CommandError(f"ADDRESSES_RELEASES: {error}") from None
    catch_up(store, bar)
    return store


def _checks(names: list[str] | None) -> list[str]:
    for name in names or ():
        if name not in list(CheckName):
            sys.stderr.write(f"There is no check {name!r} to accept: there are {', '.join(CheckName)}.\n")
            raise typer.Exit(1)
    return names or []


@contextmanager
def _plain_errors(directory: Path) -> Iterator[None]:
    """What goes wrong is one line on stderr; nothing that was live has changed by then."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write(f"Stopped. {_SERVED_ON} The same command goes on where this one was.\n")
        raise typer.Exit(STOPPED) from None
    except (
        *(CommandError, WrongFileError, ImportRefusedError, DamagedReleaseError),
        *(StoreError, WrongObjectError, CrossedError),
    ) as error:
        sys.stderr.write(f"{str(error).rstrip('.')}. {_SERVED_ON}\n")
    except BlockingIOError:
        sys.stderr.write(f"Another command builds or switches releases in {directory}: try again when it is done. {_SERVED_ON}\n")
    except (OSError, sqlite3.Error) as error:
        sys.stderr.write(f"{_of_the_disk(error, directory)} {_SERVED_ON}\n")
    else:
        return
    raise typer.Exit(1)


def _of_the_disk(error: OSError | sqlite3.Error, directory: Path) -> str:
    if isinstance(error, sqlite3.Error):
        full = "is full" in str(error)
        said = f"The disk of {directory} does not take what is written to it ({error})."
    else:
        full = error.errno in _FULL or (error.errno is None and "written" in str(error))  # NumPy's gives no number
        said = f"{error.filename}: {error.strerror}." if error.filename else f"{error}."
    return f"The disk of {directory} is full: make room, and the same command goes on where this one was." if full else said


class _Bar:
    """Shows how far an import is, once it takes longer than a moment, to somebody who watches."""

    def __init__(self, console: Console) -> None:
        self._began = time.monotonic()
        self._watched = console.is_terminal
        columns = (TextColumn("{task.description:>8}"), BarColumn(), TextColumn("{task.fields[shown]}"), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, transient=True)
        self._task: TaskID | None = None
        self._unit, self._total, self._step_began = "", 0, self._began

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress.live.is_started:
            self._progress.stop()

    def step(self, name: str, total: int, unit: str) -> None:
        """Another step begins."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._unit, self._total, self._step_began = unit, total, time.monotonic()
        self._task = self._progress.add_task(name, total=total, shown="")

    def at(self, done: int) -> None:
        """So much of the step is done."""
        now = time.monotonic()
        if self._watched and self._task is not None and now - self._began > SECONDS_UNTIL_SHOWN:
            self._progress.start()
            rate = done / max(now - self._step_began, 0.001)
            self._progress.update(self._task, completed=done, shown=_shown(done, self._total, self._unit, rate))


def _shown(done: int, total: int, unit: str, rate: float) -> str:
    if unit == "bytes":
        return f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB, {rate / 1e6:,.1f} MB/s"
    return f"{done:,} of {total:,} {unit}, {rate:,.0f}/s"


def _show_import(directory: Path, imported: Imported, gate_result: GateResult, unread: list[str], *, as_json: bool) -> None:
    live, folder = is_live(directory, imported.release), report_folder(directory, imported.release)
    if as_json:
        data = {**asdict(imported), "passed_over": unread, "folder": str(folder), "live": live, "checks": gate_result.as_json()}
        sys.stdout.write(json.dumps(data, indent=2) + "\n")
        return
    table = _table("import", imported.job)
    table.add_row("files", "\n".join(imported.files))
    if unread:
        table.add_row(
            "passed over", "\n".join(unread[:MOST_NAMED]) + (f"\nand {len(unread) - MOST_NAMED} more" if unread[MOST_NAMED:] else "")
        )
    table.add_row("read as", f"{imported.format}, {'full supply' if imported.supply == 'full' else 'changes to ' + imported.before}")
    table.add_row("rows", f"{imported.rows:,}, of which {imported.bad_rows:,} bad")
    if imported.bad_rows or imported.incomplete:
        table.add_row("left out", f"{imported.incomplete:,} UPRNs whose rows do not fit together; listed in {folder / 'bad_rows.csv'}")
    if imported.elsewhere:
        table.add_row("elsewhere", f"{imported.elsewhere:,} UPRNs outside London, or with nothing but a position or successor")
    if imported.unheld:
        table.add_row("not held", f"{imported.unheld:,} deletions of what was not held")
    table.add_row("release", f"{imported.release}: {imported.premises:,} UPRNs, {imported.postcodes:,} postcodes")
    _print(table)
    _show_gate_result(directory, gate_result, live=live)


def _show_gate_result(directory: Path, gate_result: GateResult, *, live: bool) -> None:
    table = _table("check", "", ">value", ">limit", "of")
    for check in gate_result.checks:
        result = "passed" if check.passed else "accepted" if check.accepted else "FAILED"
        table.add_row(check.name, result, shown_value(check), shown_limit(check), check.about)
    _print(table)
    typer.echo(f"Report: {report_folder(directory, gate_result.release) / 'report.html'}")
    if live:
        typer.echo(f"Release {gate_result.release} is live.")
    elif gate_result.passed:
        typer.echo(f"Release {gate_result.release} is not live yet: blocks addresses activate {gate_result.release}")
    else:
        typer.echo(f"Release {gate_result.release} does not go live: it failed a check. {_SERVED_ON}")


def _as_data(manifest: Manifest, directory: Path, *, live: bool) -> dict[str, Any]:
    built = datetime.fromtimestamp(folder_of(directory, manifest.release).joinpath(MANIFEST).stat().st_mtime, UTC)
    origin = manifest.recipe.premises
    files = [name.partition(" ")[2] for name in origin if name[:4].isdigit()]
    came_from = "made up" if "generator" in origin else ", ".join(files)
    return {
        "release": manifest.release,
        "live": live,
        "built": f"{built:%Y-%m-%dT%H:%M:%SZ}",
        **manifest.counts.as_dict(),
        "edition": ", ".join(f"{each.product} {each.name}".rstrip() for each in manifest.editions),
        "editions": [each.model_dump(mode="json") for each in manifest.editions],
        "attribution": manifest.attribution,
        "from": f"{origin[BASE]} and {came_from}" if BASE in origin else came_from,
        "content_hash": manifest.content_hash,
    }


def _table(*headings: str) -> Table:
    """A heading that begins with > is of numbers."""
    table = Table()
    for at, heading in enumerate(headings):
        justify: Literal["right", "left"] = "right" if heading.startswith(">") else "left"
        table.add_column(heading.removeprefix(">"), justify=justify, overflow="fold", no_wrap=at == 0)
    return table


def _print(table: Table) -> None:
    # Where nobody watches, a name must not be cut to the 80 columns of a terminal that is not there.
    console().print(table)


def _say(as_json: bool, data: dict[str, Any], line: str) -> None:
    sys.stdout.write((json.dumps(data, indent=2) if as_json else line) + "\n")
