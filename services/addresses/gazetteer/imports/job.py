"""What an import is, apart from how it is done: its folder, what it was asked for, what came of it.

The folder, `<data dir>/imports/<job>`, is named after the contents of the files and the release that was live, so that the same command
again finds what the one before it left, however that ended. What a release was made from stays in `<data dir>/stages/<release>` for the
update that follows it.
"""

import fcntl
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from services.addresses.domain.addressbase.editions import MADE_UP, Edition, What, as_reported, is_supply, merge_editions, product_of
from services.addresses.domain.addressbase.incoming import WrongFileError
from services.addresses.gazetteer.files.shipped_sources import SHIPPED_EDITION
from services.addresses.gazetteer.progress import Watch
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.import_results import Imported, Supply, folder_of, read_result, write_result
from services.addresses.gazetteer.releases.integrity import checked
from services.addresses.gazetteer.releases.manifest import BASE, DamagedReleaseError, Manifest

from .read_rows import write_bad_rows
from .source_files import ImportFile
from .staging import BadRow

MOST_BAD_ROWS = 0.001
"""Share of the rows that may be left out as unusable, unless more are allowed."""
FEW = 5
"""So many bad rows are shown where there are too many."""
BAD_ROWS = "bad_rows.csv"


_ROWS_VERSION = 2
"""Raised whenever the rows of an import are kept in another form, so that none goes on where older code left it."""


class ImportRefusedError(Exception):
    """The import cannot go on; nothing has changed. The message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What an import is asked for."""

    format: str | None = None
    """The format that the files must be in; None: told by their contents."""
    supply: Supply | None = None
    """Whether the files are all that there is, or changes to what is live; None: changes where a row updates or deletes."""
    most_bad_rows: float = MOST_BAD_ROWS
    """Share of all rows."""


@dataclass(frozen=True, slots=True)
class Job:
    """An import under way."""

    data_dir: Path
    id: str
    files: tuple[ImportFile, ...]
    base: Manifest | None
    """The release that is live."""
    options: ImportOptions
    watch: Watch

    @classmethod
    def of(cls, data_dir: Path, files: Iterable[ImportFile], options: ImportOptions, watch: Watch) -> "Job":
        """The job for these files. Raises `WrongFileError` where some are part of what is live already."""
        held, base = tuple(files), _live(data_dir)
        if base:
            _refuse_repeated(held, base)
        identity = [_ROWS_VERSION, options.format, options.supply, base.release if base else None, [file.sha256 for file in held]]
        return cls(data_dir, sha256(json.dumps(identity).encode()).hexdigest()[:12], held, base, options, watch)

    @property
    def folder(self) -> Path:
        """Where its work and its reports are."""
        return folder_of(self.data_dir, self.id)

    def is_beyond(self, bad: int, of: int) -> bool:
        """Whether more cannot be used than is allowed."""
        return bad > self.options.most_bad_rows * of

    def refuse_beyond(self, bad: int, of: int, what: str, first: Sequence[str]) -> None:
        """Raise `ImportRefusedError` where more of something cannot be used than is allowed."""
        if self.is_beyond(bad, of):
            raise ImportRefusedError(
                f"{bad:,} of {of:,} {what} cannot be used, more than the {self.options.most_bad_rows:.2%} that --max-bad-rows allows; all "
                f"are listed in {self.folder / BAD_ROWS}{', the first: ' if first else ''}{'; '.join(first)}"
            )

    def list_bad(self, rows: Iterable[BadRow], premises: Iterable[tuple[int, str]]) -> None:
        """Write what was left out, and why."""
        write_bad_rows(self.folder / BAD_ROWS, self.files, rows, premises)

    def editions(self, format_name: str, replaced: What | None) -> tuple[Edition, ...]:
        """What the release is made from: these files, and what the live one was made from but for what they replace."""
        before = (self.base and self.base.editions) or (SHIPPED_EDITION,)
        new = (as_reported(format_name, file.name, next(iter(file.first_rows(1)), [])) for file in self.files)
        return merge_editions((edition for edition in before if edition.of != replaced), new)

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
        write_result(self.folder, imported)
        for work in self.folder.glob("*.sqlite3*"):
            work.unlink()
        return imported

    def finished(self) -> Imported | None:
        """The result, if the job was finished before and its release is there still. `ImportRefusedError` if less is allowed now."""
        with suppress(OSError, ValueError, TypeError, DamagedReleaseError):
            imported = read_result(self.folder)
            checked(self.data_dir, imported.release)
            self.refuse_beyond(imported.bad_rows, imported.rows, "rows", ())
            return imported
        return None


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
        return local.current(data_dir)[1]
    except (FileNotFoundError, DamagedReleaseError):
        return None


def _refuse_repeated(files: Sequence[ImportFile], base: Manifest) -> None:
    before = made_from(base)
    for file in files:
        if file.sha256 in before:
            raise WrongFileError(f"{file.name} is already part of the release that is live, {base.release}: leave it out")
