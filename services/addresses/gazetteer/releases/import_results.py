"""The result of an import, kept in `<data dir>/imports/<job>/import.json`, and which import made a release."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

_RESULT = "import.json"
Supply = Literal["full", "update"]


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import: a release that is built, and not live yet."""

    job: str
    release: str
    before: str
    """The release that was live; empty where there was none."""
    format: str
    supply: Supply
    files: tuple[str, ...]
    rows: int
    bad_rows: int
    """Rows that were left out."""
    incomplete: int
    """UPRNs that were left out because their rows do not fit together."""
    elsewhere: int
    """UPRNs that were left out because they are not in London, or only a position or a successor is said of them."""
    unheld: int
    """Deletions of what was not held."""
    premises: int
    postcodes: int
    older: int = 0
    """Rows that are older, by the days in them, than what they took the place of."""
    behind: str = ""
    """Which of the files is older, by what it says of itself, than the supply of its product that was applied before."""


def folder_of(data_dir: Path, job: str) -> Path:
    """Where an import's work and reports are."""
    return data_dir / "imports" / job


def job_of(data_dir: Path, release_id: str) -> Path | None:
    """The folder of the import that made a release last, if there was one."""
    found = []
    for result in (data_dir / "imports").glob(f"*/{_RESULT}"):
        with suppress(OSError, ValueError, KeyError):
            if json.loads(result.read_bytes())["release"] == release_id:
                found.append(result)
    return max(found, key=lambda result: result.stat().st_mtime_ns).parent if found else None


def imported_as(data_dir: Path, release_id: str) -> Imported | None:
    """What came of the import that made a release last, if there was one."""
    folder = job_of(data_dir, release_id)
    with suppress(OSError, ValueError, TypeError):
        return read_result(folder) if folder else None
    return None


def read_result(folder: Path) -> Imported:
    """The result in an import's folder. Raises OSError, ValueError or TypeError where there is none that this version reads."""
    fields = json.loads((folder / _RESULT).read_bytes())
    return Imported(**{**fields, "files": tuple(fields["files"])})


def write_result(folder: Path, result: Imported) -> None:
    """Write the result into an import's folder, whole or not at all."""
    aside = folder / f"{_RESULT}.part"
    aside.write_text(json.dumps(asdict(result), indent=2) + "\n", encoding="utf-8")
    aside.replace(folder / _RESULT)
