"""What an import is, apart from how it is done: its folder, what it was asked for, what came of it.

The folder, `<data dir>/imports/<job>`, is named after the contents of the files and the release that was live, so that the same command
again finds what the one before it left, however that ended. What a release was made from stays in `<data dir>/stages/<release>` for the
update that follows it.
"""

import fcntl
import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from services.addresses.domain.addressbase.editions import MADE_UP, Edition, What, is_supply, product_of, together, told
from services.addresses.domain.addressbase.incoming import WrongFileError
from services.addresses.gazetteer.files.shipped_sources import SHIPPED_EDITION, Sources
from services.addresses.gazetteer.releases import local as release
from services.addresses.gazetteer.releases.integrity import checked
from services.addresses.gazetteer.releases.manifest import BASE, DamagedReleaseError, Manifest
from services.addresses.gazetteer.releases.stage_layers import layers_in

from .read_rows import Watch, write_bad_rows
from .source_files import ImportFile
from .staging import BadRow

MOST_BAD_ROWS = 0.001
"""Share of the rows that may be left out as unusable, unless more are allowed."""
FEW = 5
"""So many bad rows are shown where there are too many."""
BAD_ROWS = "bad_rows.csv"
POSTCODES = "postcodes"
"""The folder of the postcodes that a release was made with, where they were imported."""
_RESULT = "import.json"
_ROWS_VERSION = 2
"""Raised whenever the rows of an import are kept in another form, so that none goes on where older code left it."""

Supply = Literal["full", "update"]


class ImportRefusedError(Exception):
    """The import cannot go on; nothing has changed. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an import is asked for."""

    format: str | None = None
    """The format that the files must be in; None: told by their contents."""
    supply: Supply | None = None
    """Whether the files are all that there is, or changes to what is live; None: changes where a row updates or deletes."""
    most_bad_rows: float = MOST_BAD_ROWS
    """Share of all rows."""


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


@dataclass(frozen=True, slots=True)
class Job:
    """An import under way."""

    data_dir: Path
    id: str
    files: tuple[ImportFile, ...]
    base: Manifest | None
    """The release that is live."""
    wanted: Wanted
    watch: Watch

    @classmethod
    def of(cls, data_dir: Path, files: Iterable[ImportFile], wanted: Wanted, watch: Watch) -> "Job":
        """The job for these files. Raises `WrongFileError` where some are part of what is live already."""
        held, base = tuple(files), _live(data_dir)
        if base:
            _refuse_repeated(held, base)
        identity = [_ROWS_VERSION, wanted.format, wanted.supply, base.release if base else None, [file.sha256 for file in held]]
        return cls(data_dir, sha256(json.dumps(identity).encode()).hexdigest()[:12], held, base, wanted, watch)

    @property
    def folder(self) -> Path:
        """Where its work and its reports are."""
        return folder_of(self.data_dir, self.id)

    def is_beyond(self, bad: int, of: int) -> bool:
        """Whether more cannot be used than is allowed."""
        return bad > self.wanted.most_bad_rows * of

    def refuse_beyond(self, bad: int, of: int, what: str, first: Sequence[str]) -> None:
        """Raise `ImportRefusedError` where more of something cannot be used than is allowed."""
        if self.is_beyond(bad, of):
            raise ImportRefusedError(
                f"{bad:,} of {of:,} {what} cannot be used, more than the {self.wanted.most_bad_rows:.2%} that --max-bad-rows allows; all "
                f"are listed in {self.folder / BAD_ROWS}{', the first: ' if first else ''}{'; '.join(first)}"
            )

    def list_bad(self, rows: Iterable[BadRow], premises: Iterable[tuple[int, str]]) -> None:
        """Write what was left out, and why."""
        write_bad_rows(self.folder / BAD_ROWS, self.files, rows, premises)

    def editions(self, format_name: str, replaced: What | None) -> tuple[Edition, ...]:
        """What the release is made from: these files, and what the live one was made from but for what they replace."""
        before = (self.base and self.base.editions) or (SHIPPED_EDITION,)
        new = (told(format_name, file.name, next(iter(file.first_rows(1)), [])) for file in self.files)
        return together((edition for edition in before if edition.of != replaced), new)

    def behind(self, format_name: str) -> str:
        """Which of the files is older than the supply of its product that was applied last; empty where none is, or none says."""
        before = {edition.product: edition for edition in (self.base.editions if self.base else ())}
        for edition in self.editions(format_name, "premises"):
            last = before.get(edition.product)
            if last and edition.is_before(last):
                return f"{edition.product}: {edition.name} after {last.name}"
        return ""

    def refuse_mixed(self, format_name: str) -> None:
        """Raise `ImportRefusedError` where the live release was imported from another product than the one that changes are of."""
        product = product_of(format_name)
        held = [edition.product.removesuffix(MADE_UP) for edition in (self.base.editions if self.base else ()) if is_supply(edition)]
        if held and product not in held:
            raise ImportRefusedError(
                f"These files hold changes of {product}, and the live release was imported from {held[-1]}: "
                f"import changes of that product, or a full supply of {product}"
            )

    def imported(
        self,
        name: str,
        supply: Supply,
        manifest: Manifest,
        *,
        rows: int,
        bad_rows: int,
        incomplete: int = 0,
        elsewhere: int = 0,
        unheld: int = 0,
        older: int = 0,
    ) -> Imported:
        """The result of building a release."""
        return Imported(
            job=self.id,
            release=manifest.release,
            before=self.base.release if self.base else "",
            format=name,
            supply=supply,
            files=tuple(file.name for file in self.files),
            rows=rows,
            bad_rows=bad_rows,
            incomplete=incomplete,
            elsewhere=elsewhere,
            unheld=unheld,
            premises=manifest.counts.premises,
            postcodes=manifest.counts.postcodes,
            older=older,
            behind=self.behind(name),
        )

    def finish(self, imported: Imported) -> Imported:
        """Note the result, for whoever asks again."""
        aside = self.folder / f"{_RESULT}.part"
        aside.write_text(json.dumps(asdict(imported), indent=2) + "\n", encoding="utf-8")
        aside.replace(self.folder / _RESULT)
        for work in self.folder.glob("*.sqlite3*"):
            work.unlink()
        return imported

    def finished(self) -> Imported | None:
        """The result, if the job was finished before and its release is there still. `ImportRefusedError` if less is allowed now."""
        with suppress(OSError, ValueError, TypeError, DamagedReleaseError):
            imported = _imported(self.folder)
            checked(self.data_dir, imported.release)
            self.refuse_beyond(imported.bad_rows, imported.rows, "rows", ())
            return imported
        return None


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
        return _imported(folder) if folder else None
    return None


def _imported(folder: Path) -> Imported:
    said = json.loads((folder / _RESULT).read_bytes())
    return Imported(**{**said, "files": tuple(said["files"])})


def kept_with(data_dir: Path, release_id: str) -> Path:
    """The folder with what a release was made from; it need not exist."""
    return data_dir / "stages" / release_id


def stage_of(data_dir: Path, release_id: str) -> list[Path]:
    """The layers of the stage that a release was made from, the lowest first; none if it was not imported."""
    return layers_in(kept_with(data_dir, release_id))


def sources_of(data_dir: Path, release_id: str) -> Sources:
    """The postcodes that a release was made with: imported ones, else those that are shipped."""
    imported = kept_with(data_dir, release_id) / POSTCODES
    return Sources(imported) if imported.exists() else Sources()


def carry_postcodes(data_dir: Path, before: str, after: str) -> None:
    """Keep the imported postcodes of a release, if it has any, with the one that follows it."""
    held = kept_with(data_dir, before) / POSTCODES
    if held.exists() and before != after:
        shutil.copytree(held, kept_with(data_dir, after) / POSTCODES, dirs_exist_ok=True)


def made_from(manifest: Manifest) -> set[str]:
    """SHA-256 of the files that were imported into a release, the releases that it goes back to left out."""
    named = {**manifest.recipe.premises, **manifest.recipe.imported_postcodes}
    return {value for name, value in named.items() if name != BASE}


@contextmanager
def one_at_a_time(data_dir: Path) -> Iterator[None]:
    """Raises `ImportRefusedError` while another process imports into the same data dir."""
    folder = data_dir / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ImportRefusedError(f"Another import into {data_dir} is under way: wait for it, or stop it.") from None
        yield


def _live(data_dir: Path) -> Manifest | None:
    """A damaged release is none to begin from: a full supply takes its place."""
    try:
        return release.current(data_dir)[1]
    except (FileNotFoundError, DamagedReleaseError):
        return None


def _refuse_repeated(files: Sequence[ImportFile], base: Manifest) -> None:
    before = made_from(base)
    for file in files:
        if file.sha256 in before:
            raise WrongFileError(f"{file.name} is already part of the release that is live, {base.release}: leave it out")
