"""The import job: its folder, options, refusals and result.

The id of a job is a hash of the files' contents, the options and the live release. The same command therefore finds the folder
`<data dir>/imports/<job>` again and resumes there. The rows of a finished release stay in `<data dir>/stages/<release>` for the next
update.
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
"""Default for the share of rows, from 0 to 1, that an import may leave out as unusable."""
FEW = 5
"""Number of bad rows that a refusal quotes."""
BAD_ROWS = "bad_rows.csv"


_ROWS_VERSION = 2
"""Version of the staged rows. A new version changes every job id, so that no import resumes on rows of an older form."""


class ImportRefusedError(Exception):
    """The import cannot continue and has changed nothing. The message gives the reason and the remedy."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """Options of an import."""

    format: str | None = None
    """Required format of the files; None detects it from their contents."""
    supply: Supply | None = None
    """Full supply, or changes to the live release. None means changes if a file declares them or a row updates or deletes."""
    most_bad_rows: float = MOST_BAD_ROWS
    """Share of all rows, from 0 to 1, that may be unusable."""


@dataclass(frozen=True, slots=True)
class Job:
    """One import of certain files onto a certain live release."""

    data_dir: Path
    id: str
    files: tuple[ImportFile, ...]
    base: Manifest | None
    """Manifest of the live release; None where no undamaged release is live."""
    options: ImportOptions
    watch: Watch

    @classmethod
    def of(cls, data_dir: Path, files: Iterable[ImportFile], options: ImportOptions, watch: Watch) -> "Job":
        """Create the job for these files. Raises `WrongFileError` if the live release already contains one of them."""
        held, base = tuple(files), _live(data_dir)
        if base:
            _refuse_repeated(held, base)
        identity = [_ROWS_VERSION, options.format, options.supply, base.release if base else None, [file.sha256 for file in held]]
        return cls(data_dir, sha256(json.dumps(identity).encode()).hexdigest()[:12], held, base, options, watch)

    @property
    def folder(self) -> Path:
        """The folder of its intermediate files and reports."""
        return folder_of(self.data_dir, self.id)

    def is_beyond(self, bad: int, of: int) -> bool:
        """Return whether `bad` exceeds the allowed share of `of`."""
        return bad > self.options.most_bad_rows * of

    def refuse_beyond(self, bad: int, of: int, what: str, first: Sequence[str]) -> None:
        """Raise `ImportRefusedError` if `bad` exceeds the allowed share of `of`.

        The message calls the items `what` and quotes the reasons in `first`.
        """
        if self.is_beyond(bad, of):
            raise ImportRefusedError(
                f"{bad:,} of {of:,} {what} cannot be used, more than the {self.options.most_bad_rows:.2%} that --max-bad-rows allows; all "
                f"are listed in {self.folder / BAD_ROWS}{', the first: ' if first else ''}{'; '.join(first)}"
            )

    def list_bad(self, rows: Iterable[BadRow], premises: Iterable[tuple[int, str]]) -> None:
        """Write the rows and the UPRNs that the import leaves out, each with its reason, to `bad_rows.csv`."""
        write_bad_rows(self.folder / BAD_ROWS, self.files, rows, premises)

    def editions(self, format_name: str, replaced: What | None) -> tuple[Edition, ...]:
        """List the editions of the new release: those of these files, and those of the live release except what they replace."""
        before = (self.base and self.base.editions) or (SHIPPED_EDITION,)
        new = (as_reported(format_name, file.name, next(iter(file.first_rows(1)), [])) for file in self.files)
        return merge_editions((edition for edition in before if edition.of != replaced), new)

    def behind(self, format_name: str) -> str:
        """Describe a file that is older than the last supply of its product; empty if there is none, or the files give no date."""
        before = {edition.product: edition for edition in (self.base.editions if self.base else ())}
        for edition in self.editions(format_name, "premises"):
            last = before.get(edition.product)
            if last and edition.is_before(last):
                return f"{edition.product}: {edition.name} after {last.name}"
        return ""

    def refuse_mixed(self, format_name: str) -> None:
        """Raise `ImportRefusedError` if the files change one product and the live release was imported from another."""
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
        """Create the result of a built release; see `Imported` for the counts."""
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
        """Write the result and delete the intermediate databases. Returns the result."""
        write_result(self.folder, imported)
        for work in self.folder.glob("*.sqlite3*"):
            work.unlink()
        return imported

    def finished(self) -> Imported | None:
        """Return the earlier result if the job is finished and its release is intact.

        Raises `ImportRefusedError` if today's options allow fewer bad rows than it left out.
        """
        with suppress(OSError, ValueError, TypeError, DamagedReleaseError):
            imported = read_result(self.folder)
            checked(self.data_dir, imported.release)
            self.refuse_beyond(imported.bad_rows, imported.rows, "rows", ())
            return imported
        return None


def made_from(manifest: Manifest) -> set[str]:
    """Return the SHA-256 hashes of the files imported into a release, without those of its base releases."""
    named = {**manifest.recipe.premises, **manifest.recipe.imported_postcodes}
    return {value for name, value in named.items() if name != BASE}


@contextmanager
def one_at_a_time(data_dir: Path) -> Iterator[None]:
    """Lock the data dir for one import. Raises `ImportRefusedError` while another process imports into it."""
    folder = data_dir / "imports"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ImportRefusedError(f"Another import into {data_dir} is under way: wait for it, or stop it.") from None
        yield


def _live(data_dir: Path) -> Manifest | None:
    """Return the manifest of the live release. None if it is damaged, because only a full supply can replace it."""
    try:
        return local.current(data_dir)[1]
    except (FileNotFoundError, DamagedReleaseError):
        return None


def _refuse_repeated(files: Sequence[ImportFile], base: Manifest) -> None:
    before = made_from(base)
    for file in files:
        if file.sha256 in before:
            raise WrongFileError(f"{file.name} is already part of the release that is live, {base.release}: leave it out")
