"""Import files of addresses: read, sort by UPRN, put together, build.

A full supply is all that there is. A change-only update is applied to what the live release was made from; the release is built anew from
all of it.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from services.addresses.domain.incoming import Format, Op, WrongFileError

from . import release
from .assembly import Assembly
from .import_jobs import FEW, Imported, ImportRefusedError, Job, Supply, carry_postcodes, kept_with, sources_of, stage_of
from .reading import OPEN_UPRN, read, refuse_missing_volumes, shown
from .release import BASE, Recipe
from .sources import Sources
from .spatial import Column
from .staging import Rows, Stage, sorting_in
from .tables import open_column


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
        assembly = Assembly(stage, sources, job.watch.at, lambda found: _refuse_incomplete(job, rows, found))
        job.watch.step("building", assembly.held, "UPRNs")
        with release.alone(job.data_dir):
            editions = job.editions(formats[0].name, None if supply == "update" else "premises")
            manifest = release.write(job.data_dir, _recipe(job, supply, sources), assembly.blpus(), sources, editions)
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
    kept = kept_with(job.data_dir, manifest.release)
    if job.base:
        carry_postcodes(job.data_dir, job.base.release, manifest.release)
    kept.mkdir(parents=True, exist_ok=True)
    (job.folder / Stage.FILE).replace(kept / Stage.FILE)
    return imported


def _refuse_incomplete(job: Job, rows: Rows, assembly: Assembly) -> None:
    incomplete = assembly.incomplete
    if job.is_beyond(len(incomplete), assembly.held):
        job.list_bad(rows.bad(), incomplete)
        first = [f"UPRN {uprn}: {reason}" for uprn, reason in incomplete[:FEW]]
        job.refuse_beyond(len(incomplete), assembly.held, "UPRNs", first)


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
