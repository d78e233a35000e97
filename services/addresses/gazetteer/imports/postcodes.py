"""Import files of postcodes into a release that keeps the premises of the live release.

Reading takes seconds and fits in memory (London has 330,000 postcodes), so an interrupted import starts again.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from services.addresses.domain.addressbase.incoming import BadRowError, EmptyFileError, PostcodeFormat, WrongFileError
from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.geography.postcode_records import PostcodeRecord, TerminatedPostcodeRecord
from services.addresses.gazetteer.builds.full import write_release
from services.addresses.gazetteer.builds.sources import write_sources
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.import_results import Imported
from services.addresses.gazetteer.releases.manifest import IMPORTED, Recipe, folder_of
from services.addresses.gazetteer.releases.stage_layers import copy_stage
from services.addresses.gazetteer.releases.stages import POSTCODES, kept_with, sources_of
from services.addresses.gazetteer.search.gazetteer import Gazetteer

from .job import FEW, ImportRefusedError, Job
from .read_rows import shown
from .staging import BadRow

_A_WHILE = 1_000


class Found(NamedTuple):
    """A postcode record, with the number of its file and its line."""

    said: PostcodeRecord | TerminatedPostcodeRecord
    file: int
    line: int


def import_postcodes(job: Job, formats: Sequence[PostcodeFormat]) -> Imported:
    """Build a release from the job's files. Raises as `run.import_files` does."""
    if job.base is None:
        raise ImportRefusedError("Nothing is live that these postcodes could be put to: start the service once, or import addresses first.")
    bad: list[BadRow] = []
    lines = 0
    found: list[Found] = []
    job.watch.step("reading", sum(file.bytes for file in job.files), "bytes")
    for number in range(len(job.files)):
        lines += _read(job, number, formats[number], found, bad)
    if not found and not bad:  # a product for Great Britain has files without any postcode of London
        raise EmptyFileError(f"{', '.join(file.name for file in job.files)}: no postcode of London")
    postcodes = _without_contradicting(job, found, bad)
    job.list_bad(bad, ())
    job.refuse_beyond(len(bad), lines, "rows", shown(job.files, bad[:FEW]))
    folder = job.folder / POSTCODES
    shutil.rmtree(folder, ignore_errors=True)
    try:
        sources = write_sources(folder, postcodes, sources_of(job.data_dir, job.base.release))
    except ValueError as error:
        raise WrongFileError(f"{', '.join(file.name for file in job.files)}: {error}") from error
    imported = {f"{IMPORTED}{number:04d} {file.name}": file.sha256 for number, file in enumerate(job.files, start=1)}
    recipe = Recipe(sources={**sources.hashes(), **imported}, premises=job.base.recipe.premises)
    gazetteer = Gazetteer.open(folder_of(job.data_dir, job.base.release))
    try:
        job.watch.step("building", len(gazetteer), "UPRNs")
        editions = job.editions(formats[0].name, "postcodes")
        with local.data_dir_lock(job.data_dir):
            manifest = write_release(job.data_dir, recipe, _watched(job, gazetteer), sources, editions)
    finally:
        gazetteer.close()
    _store_stage(job, job.base.release, manifest.release)
    return job.imported(formats[0].name, "full", manifest, rows=lines, bad_rows=len(bad))


def _without_contradicting(job: Job, found: Sequence[Found], bad: list[BadRow]) -> list[PostcodeRecord | TerminatedPostcodeRecord]:
    """Return one record for each postcode whose rows agree; add every row of the other postcodes to `bad`."""
    first: dict[str, Found] = {}
    against: dict[str, Found] = {}
    for each in found:
        before = first.setdefault(each.said.postcode, each)
        if before.said != each.said:
            against.setdefault(each.said.postcode, each)
    for each in found:
        if other := against.get(each.said.postcode):
            other = first[each.said.postcode] if each is not first[each.said.postcode] else other
            where = f"{job.files[other.file].name}, line {other.line}"
            bad.append(BadRow(each.file, each.line, f"its postcode is in {where} too, with other values"))
    bad.sort(key=lambda row: (row.file, row.line))
    return [each.said for postcode, each in first.items() if postcode not in against]


def _read(job: Job, number: int, reader: PostcodeFormat, found: list[Found], bad: list[BadRow]) -> int:
    """Add the postcodes and the bad rows of a file to `found` and `bad`. Returns its number of lines."""
    file, before, line = job.files[number], sum(file.bytes for file in job.files[:number]), 0
    try:
        for batch, read_bytes in file.batches():
            for row in batch:
                if row.fields is None:
                    bad.append(BadRow(number, row.line, row.reason))
                    continue
                try:
                    found += (Found(said, number, row.line) for said in reader.postcodes(row.fields))
                except BadRowError as error:
                    bad.append(BadRow(number, row.line, str(error)))
            line = batch[-1].line
            job.watch.at(before + read_bytes)
        with suppress(EmptyFileError):
            reader.end()
    except WrongFileError as error:
        raise WrongFileError(f"{file.name}: {error}") from error
    return line


def _watched(job: Job, gazetteer: Gazetteer) -> Iterator[Blpu]:
    for number, blpu in enumerate(gazetteer.all_records()):
        if number % _A_WHILE == 0:
            job.watch.at(number)
        yield blpu


def _store_stage(job: Job, base: str, made: str) -> None:
    """Store the stage of the new release: the new postcodes, and the premises rows of the base release."""
    kept = kept_with(job.data_dir, made)
    kept.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(kept / POSTCODES, ignore_errors=True)
    (job.folder / POSTCODES).replace(kept / POSTCODES)
    copy_stage(kept_with(job.data_dir, base), kept)
