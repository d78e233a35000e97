"""Output of the commands: tables for people, JSON for programs."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import typer
from rich.table import Table

from services.addresses.domain.releases.quality import GateResult
from services.addresses.gazetteer.releases.import_results import Imported
from services.addresses.gazetteer.releases.manifest import BASE, MANIFEST, Manifest, folder_of
from services.addresses.gazetteer.releases.quality_gate import report_folder
from services.addresses.gazetteer.releases.quality_report import shown_limit, shown_value
from services.addresses.gazetteer.serving.activate import is_live
from shared.command_line import console

from .errors import STILL_SERVED

MOST_NAMED = 10
"""Number of ignored ZIP members that the output names."""


def show_import(directory: Path, imported: Imported, gate_result: GateResult, unread: list[str], *, as_json: bool) -> None:
    """Print the result of an import and the checks of its release; `unread` lists the ZIP members that the import ignored."""
    live, folder = is_live(directory, imported.release), report_folder(directory, imported.release)
    if as_json:
        data = {**asdict(imported), "passed_over": unread, "folder": str(folder), "live": live, "checks": gate_result.as_json()}
        sys.stdout.write(json.dumps(data, indent=2) + "\n")
        return
    table = new_table("import", imported.job)
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
    print_table(table)
    show_gate_result(directory, gate_result, live=live)


def show_gate_result(directory: Path, gate_result: GateResult, *, live: bool) -> None:
    """Print the checks of a release, the path of the report, and the next command."""
    table = new_table("check", "", ">value", ">limit", "of")
    for check in gate_result.checks:
        result = "passed" if check.passed else "accepted" if check.accepted else "FAILED"
        table.add_row(check.name, result, shown_value(check), shown_limit(check), check.about)
    print_table(table)
    typer.echo(f"Report: {report_folder(directory, gate_result.release) / 'report.html'}")
    if live:
        typer.echo(f"Release {gate_result.release} is live.")
    elif gate_result.passed:
        typer.echo(f"Release {gate_result.release} is not live yet: blocks addresses activate {gate_result.release}")
    else:
        typer.echo(f"Release {gate_result.release} does not go live: it failed a check. {STILL_SERVED}")


def release_data(manifest: Manifest, directory: Path, *, live: bool) -> dict[str, Any]:
    """Return the fields of a release that `releases` and `rollback` print."""
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


def new_table(*headings: str) -> Table:
    """Create a table with a column for each heading; `>` before a heading aligns its column to the right."""
    table = Table()
    for at, heading in enumerate(headings):
        justify: Literal["right", "left"] = "right" if heading.startswith(">") else "left"
        table.add_column(heading.removeprefix(">"), justify=justify, overflow="fold", no_wrap=at == 0)
    return table


def print_table(table: Table) -> None:
    """Print a table; without a terminal, it is wide enough for whole names."""
    console().print(table)


def say(as_json: bool, data: dict[str, Any], line: str) -> None:
    """Print `line`, or `data` as JSON."""
    sys.stdout.write((json.dumps(data, indent=2) if as_json else line) + "\n")
