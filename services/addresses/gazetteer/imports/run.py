"""Import files into a release that is built beside the one that is live. Repeated after whatever ended it, an import goes on."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from services.addresses.domain.addressbase.incoming import Format, PostcodeFormat, WrongFileError
from services.addresses.gazetteer.progress import Watch
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.import_results import Imported
from services.addresses.gazetteer.releases.manifest import DamagedReleaseError, Manifest

from .addresses import import_addresses
from .job import ImportOptions, Job, made_from, one_at_a_time
from .postcodes import import_postcodes
from .read_rows import readers
from .source_files import ImportFile


def import_files(data_dir: Path, files: Sequence[ImportFile], options: ImportOptions, watch: Watch) -> Imported:
    """Make a release of the files, which `gather` gives. It is not live yet.

    Raises `WrongFileError` for files that cannot be used; `ImportRefusedError`; OSError or sqlite3.Error where the disk does not take it.
    After the last of them, and after a kill, the same call goes on.
    """
    job = Job.of(data_dir, files, options, watch)
    formats = readers(files, options.format)
    with one_at_a_time(data_dir):
        if done := job.finished():
            return done
        job.folder.mkdir(parents=True, exist_ok=True)
        try:
            return job.finish(_import(job, formats))
        except WrongFileError:  # mended files are another job
            shutil.rmtree(job.folder)
            raise


def _import(job: Job, formats: Sequence[Format | PostcodeFormat]) -> Imported:
    addresses = [each for each in formats if isinstance(each, Format)]
    if addresses:  # `readers` sees to it that they are all of one format
        return import_addresses(job, addresses)
    return import_postcodes(job, [each for each in formats if isinstance(each, PostcodeFormat)])


def live_already(data_dir: Path, files: Sequence[ImportFile]) -> Manifest | None:
    """The live release, if it was made from exactly these files."""
    try:
        _, manifest = local.current(data_dir)
    except (FileNotFoundError, DamagedReleaseError):
        return None
    return manifest if {file.sha256 for file in files} == made_from(manifest) else None
