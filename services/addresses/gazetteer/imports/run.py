"""Import files into a new release; the live release stays as it is. The same call resumes an interrupted import."""

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
    """Build a release from files that `gather` listed, without activating it.

    Raises `WrongFileError` for unusable files, `ImportRefusedError` for an import that must not happen, and OSError or sqlite3.Error
    when the disk rejects a write. After a disk error or a kill, the same call resumes.
    """
    job = Job.of(data_dir, files, options, watch)
    formats = readers(files, options.format)
    with one_at_a_time(data_dir):
        if done := job.finished():
            return done
        job.folder.mkdir(parents=True, exist_ok=True)
        try:
            return job.finish(_import(job, formats))
        except WrongFileError:  # corrected files have other hashes, so they are another job
            shutil.rmtree(job.folder)
            raise


def _import(job: Job, formats: Sequence[Format | PostcodeFormat]) -> Imported:
    addresses = [each for each in formats if isinstance(each, Format)]
    if addresses:  # `readers` guarantees one format for all files
        return import_addresses(job, addresses)
    return import_postcodes(job, [each for each in formats if isinstance(each, PostcodeFormat)])


def live_already(data_dir: Path, files: Sequence[ImportFile]) -> Manifest | None:
    """Return the manifest of the live release if it was built from exactly these files."""
    try:
        _, manifest = local.current(data_dir)
    except (FileNotFoundError, DamagedReleaseError):
        return None
    return manifest if {file.sha256 for file in files} == made_from(manifest) else None
