"""The commands of `blocks addresses`: import, list, activate and roll back releases.

They work on the data directory of the service, whether the platform runs or not. Its replicas follow an activation within two seconds.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from services.addresses.domain.releases.quality import CheckName
from services.addresses.gazetteer.distribution.release_store import ReleaseStore
from services.addresses.gazetteer.imports.job import ImportOptions
from services.addresses.gazetteer.imports.run import import_files, live_already
from services.addresses.gazetteer.imports.source_files import gather, passed_over
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.quality_gate import judge
from services.addresses.gazetteer.serving.activate import catch_up, go_back, go_live, is_followed, is_live
from shared.command_line import DEFAULT_DATA_DIR, Command, DataDir, console

from .errors import CommandError, plain_errors
from .generate import generate
from .output import new_table, print_table, release_data, say, show_gate_result, show_import
from .progress_bar import ProgressBar

app = typer.Typer(name="addresses", help="Address files and releases of the gazetteer.", no_args_is_help=True, rich_markup_mode=None)
app.command(cls=Command)(generate)

IMPORT_NICENESS = 10
"""Increment of an import's nice value, so that processes that answer requests on the same machine come first."""

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
        typer.Option("--format", help="Refuse files of any other format. Detected by content if absent."),
    ] = None,
    supply: Annotated[
        Literal["full", "update"] | None,
        typer.Option("--supply", help="Whether the files are a full supply or an update. Detected by content if absent."),
    ] = None,
    max_bad_rows: Annotated[
        float, typer.Option("--max-bad-rows", min=0.0, max=1.0, help="Share of the rows that may be left out as unusable.")
    ] = 0.001,
    activate: Annotated[bool, typer.Option("--activate", help="Go live with it, if it passes the checks.")] = False,
    accept: Accept = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Build a release from address or postcode files and check it. The same command resumes an interrupted import."""
    accepted, directory = _checks(accept), _addresses(data_dir)
    with plain_errors(directory):
        os.nice(IMPORT_NICENESS)
        with ProgressBar(console(stderr=True)) as bar:
            store = _store(directory, bar)
            bar.step("checking", sum(path.stat().st_size for path in files), "bytes")
            gathered = gather(files, bar.at)
            is_there = live_already(directory, gathered) is not None
            imported = None if is_there else import_files(directory, gathered, ImportOptions(format_, supply, max_bad_rows), bar)
            if imported is None:
                live = local.live(directory)
                if activate and store and not is_followed(store, live):  # live in this data dir, not yet in the store
                    go_live(directory, live, accepted, store, bar)
                say(as_json, {"release": live, "live": True}, f"These files are live already: release {live}.")
                return
            if activate:
                gate_result = go_live(directory, imported.release, accepted, store, bar)
            else:
                gate_result = judge(directory, imported.release, accepted)
    show_import(directory, imported, gate_result, passed_over(files), as_json=as_json)
    if activate and not gate_result.passed:
        raise typer.Exit(1)


@app.command(cls=Command)
def releases(data_dir: DataDir = DEFAULT_DATA_DIR, as_json: AsJson = False) -> None:
    """The releases on this machine, and which is live."""
    directory = _addresses(data_dir)
    with plain_errors(directory):
        found = [release_data(manifest, directory, live=is_live(directory, manifest.release)) for manifest in local.releases(directory)]
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    table = new_table("release", "", "built", ">UPRNs", ">streets", ">postcodes", "edition", "premises from")
    for each in found:
        numbers = (f"{each[name]:,}" for name in ("premises", "streets", "postcodes"))
        table.add_row(
            each["release"], "live" if each["live"] else "", each["built"].replace("T", " ")[:16], *numbers, each["edition"], each["from"]
        )
    print_table(table) if found else typer.echo(f"There are no releases in {directory}.")


@app.command(name="activate", cls=Command)
def activate_(
    release_id: Annotated[str, typer.Argument(metavar="ID", help="As `blocks addresses releases` shows it.")],
    accept: Accept = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Check a release against the one that is live, and go live with it if it passes."""
    accepted, directory = _checks(accept), _addresses(data_dir)
    with plain_errors(directory), ProgressBar(console(stderr=True)) as bar:
        store = _store(directory, bar)
        if release_id not in {manifest.release for manifest in local.releases(directory)}:
            raise CommandError(f"There is no release {release_id}: `blocks addresses releases` lists those that can go live.")
        gate_result = go_live(directory, release_id, accepted, store, bar)
    if as_json:
        sys.stdout.write(json.dumps({**gate_result.as_json(), "live": gate_result.passed}, indent=2) + "\n")
    else:
        show_gate_result(directory, gate_result, live=gate_result.passed)
    if not gate_result.passed:
        raise typer.Exit(1)


@app.command(cls=Command)
def rollback(data_dir: DataDir = DEFAULT_DATA_DIR, as_json: AsJson = False) -> None:
    """Go back to the release that was live before."""
    directory = _addresses(data_dir)
    with plain_errors(directory), ProgressBar(console(stderr=True)) as bar:
        manifest = go_back(directory, _store(directory, bar), bar)
    say(as_json, release_data(manifest, directory, live=True), f"Release {manifest.release} is live again.")


def _addresses(data_dir: Path) -> Path:
    """Return the service's data directory: `ADDRESSES_DATA_DIR`, or else the platform's."""
    named = os.environ.get("ADDRESSES_DATA_DIR")
    return Path(named) if named else data_dir.absolute() / "addresses"


def _store(directory: Path, bar: "ProgressBar") -> "ReleaseStore | None":
    """Open the release store of `ADDRESSES_RELEASES` and catch up with it; None if the variable is empty."""
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
