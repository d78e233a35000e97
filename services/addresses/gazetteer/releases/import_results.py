"""The result of an import, in `<data dir>/imports/<job>/import.json`; finds the import that made a release."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

_RESULT = "import.json"
Supply = Literal["full", "update"]


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import: a release that is built and not yet live."""

    job: str
    release: str
    before: str
    """The release that was live; empty if there was none."""
    format: str
    supply: Supply
    files: tuple[str, ...]
    rows: int
    bad_rows: int
    """Rows that the import rejected."""
    incomplete: int
    """UPRNs left out because their rows do not fit together."""
    elsewhere: int
    """UPRNs left out because they lie outside London, or have only a position or a successor."""
    unheld: int
    """Deletions of keys that the release did not hold."""
    premises: int
    postcodes: int
    older: int = 0
    """Rows whose dates are earlier than those of the rows that they replaced."""
    behind: str = ""
    """The file whose own date precedes the last applied supply of its product; empty if none does."""


def folder_of(data_dir: Path, job: str) -> Path:
    """Return the folder of an import's work and reports."""
    return data_dir / "imports" / job


def job_of(data_dir: Path, release_id: str) -> Path | None:
    """Return the folder of the latest import that made a release, or None."""
    found = []
    for result in (data_dir / "imports").glob(f"*/{_RESULT}"):
        with suppress(OSError, ValueError, KeyError):
            if json.loads(result.read_bytes())["release"] == release_id:
                found.append(result)
    return max(found, key=lambda result: result.stat().st_mtime_ns).parent if found else None


def imported_as(data_dir: Path, release_id: str) -> Imported | None:
    """Return the result of the latest import that made a release, or None."""
    folder = job_of(data_dir, release_id)
    with suppress(OSError, ValueError, TypeError):
        return read_result(folder) if folder else None
    return None


def read_result(folder: Path) -> Imported:
    """Read the result in an import's folder. Raises OSError, ValueError or TypeError if this version cannot read one."""
    fields = json.loads((folder / _RESULT).read_bytes())
    return Imported(**{**fields, "files": tuple(fields["files"])})


def write_result(folder: Path, result: Imported) -> None:
    """Write the result into an import's folder atomically. Raises OSError."""
    aside = folder / f"{_RESULT}.part"
    aside.write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")
    aside.replace(folder / _RESULT)
