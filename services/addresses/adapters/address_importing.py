"""Import files of addresses: read, sort by UPRN, put together, build.

A full supply is all that there is. A change-only update is applied to what the live release was made from; the release is built anew from
all of it.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

from services.addresses.domain.formats.assembling import Parts, assemble
from services.addresses.domain.incoming import BadRowError, Format, Op, WrongFileError
from services.addresses.domain.records import Blpu

from . import release
from .import_jobs import FEW, POSTCODES, Imported, ImportRefusedError, Job, Supply, kept_with, sources_of, stage_of
from .reading import OPEN_UPRN, read, refuse_missing_volumes, shown
from .release import BASE, Manifest, Recipe
from .sources import Sources
from .spatial import Column
from .staging import Rows, Stage, sorting_in
from .tables import open_column

STREETS_KEPT = 50_000
"""Streets whose names are kept in memory while premises are put together."""


def import_addresses(job: Job, formats: Sequence[Format]) -> Imported:
    """Make a release of the job's files. Raises what `importing.import_files` says."""
    with ExitStack() as opened:
        opened.enter_context(sorting_in(job.folder))
        rows = opened.enter_context(Rows(job.folder))
        only_positions = formats[0].name == OPEN_UPRN
        read(job.files, formats, rows, job.watch, _held(job) if only_positions else None)
        refuse_missing_volumes(rows.files())
        job.list_bad(rows.bad(), ())
        job.refuse_beyond(rows.count_bad(), rows.lines(), "rows", shown(job.files, rows.bad(FEW)))
        supply = "update" if only_positions else _supply(job, rows)
        if supply == "update":
            _refuse_applied(job, Stage.files(_stage_before(job)))
            Stage.copy(_stage_before(job), job.folder)
        stage = opened.enter_context(Stage(job.folder))
        job.watch.step("sorting", sum(rows.counts().values()), "rows")
        for done in stage.apply(rows):
            job.watch.at(done)
        stage.note_files(file.sha256 for file in job.files)
        sources = sources_of(job.data_dir, job.base.release) if job.base else Sources()
        assembly = Assembly(job, rows, stage, sources)
        job.watch.step("building", assembly.held, "UPRNs")
        with release.alone(job.data_dir):
            manifest = release.write(job.data_dir, _recipe(job, supply, sources), assembly.blpus(), sources)
        job.list_bad(rows.bad(), assembly.incomplete)
        imported = job.imported(
            formats[0].name,
            supply,
            manifest,
            rows=rows.lines(),
            bad_rows=rows.count_bad(),
            incomplete=len(assembly.incomplete),
            elsewhere=assembly.elsewhere,
            unheld=stage.unheld,
        )
    _keep(job, manifest)
    return imported


class Assembly:
    """The premises of a stage as records, and what cannot be one."""

    def __init__(self, job: Job, rows: Rows, stage: Stage, sources: Sources) -> None:
        self._job = job
        self._rows = rows
        self._stage = stage
        self._wards = {ward.code: ward.borough for ward in sources.wards()}
        self._street = lru_cache(STREETS_KEPT)(lambda usrn: stage.parts(-usrn))
        self.held = stage.count()
        """UPRNs."""
        self.incomplete: list[tuple[int, str]] = []
        """UPRNs whose rows do not fit together, and why."""
        self.elsewhere = 0
        """UPRNs that are not in London, or of which too little is said."""

    def blpus(self) -> Iterator[Blpu]:
        """The records in the order of their UPRNs. Raises `ImportRefusedError` where too many are incomplete."""
        for number, (uprn, parts) in enumerate(self._stage.premises()):
            if number % 1_000 == 0:
                self._job.watch.at(number)
            if blpu := self._assembled(uprn, parts):
                yield blpu
        self._job.watch.at(self.held)

    def _assembled(self, uprn: int, parts: Parts) -> Blpu | None:
        try:
            blpu = assemble(uprn, parts, self._street, self._wards)
        except BadRowError as error:
            self.incomplete.append((uprn, str(error)))
            self._refuse_too_many()
            return None
        self.elsewhere += blpu is None
        return blpu

    def _refuse_too_many(self) -> None:
        if self._job.is_beyond(len(self.incomplete), self.held):
            self._job.list_bad(self._rows.bad(), self.incomplete)
            first = [f"UPRN {uprn}: {reason}" for uprn, reason in self.incomplete[:FEW]]
            self._job.refuse_beyond(len(self.incomplete), self.held, "UPRNs", first)


def _held(job: Job) -> Column:
    """The UPRNs of the live release, which are all that positions can be for."""
    _stage_before(job)
    return open_column(release.current(job.data_dir)[0] / "uprns.npy")


def _stage_before(job: Job) -> Path:
    stage = stage_of(job.data_dir, job.base.release) if job.base else None
    if stage is None:
        live = "no undamaged release is live" if job.base is None else f"the live release, {job.base.release}, was not imported"
        raise ImportRefusedError(f"These files change what is held, and {live}: import a full supply and activate it first.")
    return stage


def _refuse_applied(job: Job, applied: set[str]) -> None:
    """An older update over a newer one would bring back what is past."""
    for file in job.files:
        if file.sha256 in applied:
            raise WrongFileError(f"{file.name} has been applied to what is live before: leave it out")


def _supply(job: Job, rows: Rows) -> Supply:
    """As asked for, as the files say of themselves, or as their rows tell: a full supply has nothing to update or delete."""
    counts = rows.counts()
    changes = counts.get(Op.UPDATE, 0) + counts.get(Op.DELETE, 0)
    said = any(file.change_only for file in rows.files())
    if job.wanted.supply == "full" and (changes or said):
        raise ImportRefusedError("These files hold changes to a release: they are no full supply.")
    return job.wanted.supply or ("update" if changes or said else "full")


def _recipe(job: Job, supply: Supply, sources: Sources) -> Recipe:
    premises = {f"{number:04d} {file.name}": file.sha256 for number, file in enumerate(job.files, start=1)}
    if supply == "update" and job.base:
        premises = {BASE: job.base.release, **premises}
    imported = job.base.recipe.imported_postcodes if job.base else {}
    return Recipe(sources={**sources.hashes(), **imported}, premises=premises)


def _keep(job: Job, manifest: Manifest) -> None:
    """Keep what the release was made from, for the update that follows it."""
    kept = kept_with(job.data_dir, manifest.release)
    kept.mkdir(parents=True, exist_ok=True)
    postcodes = kept_with(job.data_dir, job.base.release) / POSTCODES if job.base else None
    if postcodes and postcodes.exists():
        shutil.copytree(postcodes, kept / POSTCODES, dirs_exist_ok=True)
    (job.folder / Stage.FILE).replace(kept / Stage.FILE)
