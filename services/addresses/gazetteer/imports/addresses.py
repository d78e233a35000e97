"""Import files of addresses: read the rows, sort them by UPRN, assemble records and build a release.

A full supply replaces all premises. A change-only update is stored as a layer over the stage of the live release. Its release is built
incrementally from the live release plus the changed premises, or in full if many premises changed.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from services.addresses.domain.addressbase.editions import Edition
from services.addresses.domain.addressbase.incoming import Format, Op, WrongFileError
from services.addresses.gazetteer.builds.full import write_release
from services.addresses.gazetteer.builds.incremental import is_worthwhile, merge, on_streets
from services.addresses.gazetteer.files.columns import Column, open_column
from services.addresses.gazetteer.files.shipped_sources import WARDS, Sources
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.import_results import Imported, Supply
from services.addresses.gazetteer.releases.manifest import BASE, Counts, Manifest, Recipe, folder_of
from services.addresses.gazetteer.releases.stage_layers import Layers, assembled_in, compact_layers, link_layers, note_assembled
from services.addresses.gazetteer.releases.stages import copy_postcodes, kept_with, sources_of, stage_of

from .assemble import Assembly
from .job import FEW, ImportRefusedError, Job
from .read_rows import OPEN_UPRN, read, refuse_missing_volumes, shown
from .staging import Rows, Stage, sorting_in


def import_addresses(job: Job, formats: Sequence[Format]) -> Imported:
    """Build a release from the job's files, in this order: read, check, sort, build, report, store the stage.

    Raises as `run.import_files` does.
    """
    format_name = formats[0].name
    with ExitStack() as opened:
        opened.enter_context(sorting_in(job.folder))
        rows = opened.enter_context(Rows(job.folder))
        _read_rows(job, formats, rows)
        supply = _supply(job, format_name, rows)
        below = opened.enter_context(_layers_below(job)) if supply == "update" else None
        stage = opened.enter_context(Stage(job.folder, below))
        _sort_rows(job, rows, stage)
        editions = job.editions(format_name, None if supply == "update" else "premises")
        builder = _ReleaseBuilder(job, rows, supply, stage, below, editions=editions)
        with local.data_dir_lock(job.data_dir):
            manifest = builder.build_incrementally() or builder.build_full()
        assembly = builder.assembly
        job.list_bad(rows.bad(), assembly.incomplete)
        imported = job.imported(
            format_name,
            supply,
            manifest,
            rows=rows.lines(),
            bad_rows=rows.count_bad(),
            incomplete=len(assembly.incomplete),
            elsewhere=assembly.elsewhere,
            unheld=stage.unheld,
            older=stage.older,
        )
    if job.base:
        copy_postcodes(job.data_dir, job.base.release, manifest.release)
    kept = kept_with(job.data_dir, manifest.release)
    note_assembled(kept, assembly.noted())
    link_layers(builder.shared, builder.layer, kept)
    return imported


def _read_rows(job: Job, formats: Sequence[Format], rows: Rows) -> None:
    """Read the files into the rows, and refuse missing volumes and too many bad rows."""
    read(job.files, formats, rows, job.watch, _live_uprns(job) if formats[0].name == OPEN_UPRN else None)
    refuse_missing_volumes(rows.files())
    _refuse_bad(job, rows)


def _sort_rows(job: Job, rows: Rows, stage: Stage) -> None:
    """Apply the rows to the stage by UPRN, and refuse too many bad rows."""
    job.watch.step("sorting", sum(rows.counts().values()), "rows")
    for done in stage.apply(rows, [file.name for file in job.files]):
        job.watch.at(done)
    _refuse_bad(job, rows)  # sorting adds the rows that contradict each other
    stage.note_files(file.sha256 for file in job.files)
    rows.shrink()  # the build needs more memory than both databases used
    stage.shrink()


class _ReleaseBuilder:
    """Builds the release from the stage: incrementally from the live release, or in full."""

    def __init__(self, job: Job, rows: Rows, supply: Supply, stage: Stage, below: Layers | None, *, editions: Sequence[Edition]) -> None:
        self._job, self._rows, self._editions, self._stage, self._below = job, rows, editions, stage, below
        self._sources = sources_of(job.data_dir, job.base.release) if job.base else Sources()
        self._recipe = _recipe(job, supply, self._sources)
        self.layer = stage.path
        """The stage file of this import, which is stored with the release."""
        self.shared = below.paths if below else ()
        """The stage files below it, which the release shares with the live release."""
        self.assembly: Assembly

    def build_incrementally(self) -> Manifest | None:
        """Build from the live release and the changed premises. Returns None if only a full build is possible or worthwhile."""
        job, base = self._job, self._job.base
        changed = self._changed() if self._below and base else None
        if base is None or changed is None:
            return None
        held = len(open_column(self._base_folder / "uprns.npy"))
        with Layers([*self.shared, self.layer]) as layers:
            self.assembly = self._assembly(layers, held)
            job.watch.step("building", len(changed), "UPRNs")
            blpus = self.assembly.blpus_of(changed.tolist())

            def fill(folder: Path) -> Counts:
                return merge(folder, self._base_folder, base.counts, changed, blpus)

            return local.write_by(job.data_dir, self._recipe, fill, self._editions, base)

    def build_full(self) -> Manifest:
        """Build from all rows, after compacting the layers of the stage into one file."""
        if self.shared:
            whole = self._job.folder / Stage.FULL
            compact_layers([*self.shared, self.layer], whole)
            self.layer, self.shared = whole, ()
        with Layers([self.layer]) as layers:
            held = layers.count()
            self.assembly = self._assembly(layers, held)
            self._job.watch.step("building", held, "UPRNs")
            return write_release(self._job.data_dir, self._recipe, self.assembly.blpus(), self._sources, self._editions)

    @property
    def _base_folder(self) -> Path:
        return folder_of(self._job.data_dir, self._job.base.release if self._job.base else "")

    def _changed(self) -> Column | None:
        """List in order the UPRNs whose record may have changed: by their rows, by those of their street, or because they were incomplete.

        None if they are too many for an incremental build. None too if the postcodes or wards differ from those of the live release,
        because then any premises may have changed.
        """
        job = self._job
        noted = assembled_in(kept_with(job.data_dir, job.base.release)) if job.base else None
        if not job.base or not noted or job.base.recipe.sources != self._recipe.sources or noted.wards != self._sources.hashes()[WARDS]:
            return None
        keys = self._stage.changed()
        uprns = {*(key for key in keys if key >= 0), *noted.incomplete}
        if is_worthwhile(self._base_folder, len(self.shared), len(uprns)):
            uprns.update(on_streets(self._base_folder, (-key for key in keys if key < 0)).tolist())
            if is_worthwhile(self._base_folder, len(self.shared), len(uprns)):
                return np.array(sorted(uprns), np.uint64)
        return None

    def _assembly(self, layers: Layers, held: int) -> Assembly:
        return Assembly(layers, self._sources, self._job.watch.at, lambda found: _refuse_incomplete(self._job, self._rows, found, held))


def _refuse_bad(job: Job, rows: Rows) -> None:
    job.list_bad(rows.bad(), ())
    job.refuse_beyond(rows.count_bad(), rows.lines(), "rows", shown(job.files, rows.bad(FEW)))


def _refuse_incomplete(job: Job, rows: Rows, assembly: Assembly, held: int) -> None:
    incomplete = assembly.incomplete
    if job.is_beyond(len(incomplete), held):
        job.list_bad(rows.bad(), incomplete)
        first = [f"UPRN {uprn}: {reason}" for uprn, reason in incomplete[:FEW]]
        job.refuse_beyond(len(incomplete), held, "UPRNs", first)


def _live_uprns(job: Job) -> Column:
    """Open the UPRNs of the live release, to which alone positions of OS Open UPRN can apply."""
    _live_stage(job)  # refuses a live release without a stage before the long reading
    return open_column(local.current(job.data_dir)[0] / "uprns.npy")


def _layers_below(job: Job) -> Layers:
    """Open the stage of the live release. Raises `WrongFileError` if it contains one of the job's files already."""
    layers = Layers(_live_stage(job))
    applied = layers.files()
    for file in job.files:
        if file.sha256 in applied:  # an older update over a newer one would restore outdated records
            layers.close()
            raise WrongFileError(f"{file.name} has been applied to what is live before: leave it out")
    return layers


def _live_stage(job: Job) -> list[Path]:
    """List the stage files of the live release. Raises `ImportRefusedError` if there are none."""
    stage = stage_of(job.data_dir, job.base.release) if job.base else []
    if not stage:
        live = "no undamaged release is live" if job.base is None else f"the live release, {job.base.release}, was not imported"
        first = "import a full supply and activate it first (to try it: `blocks addresses generate` writes a made-up one)"
        raise ImportRefusedError(f"These files change what is held, and {live}: {first}.")
    return stage


def _supply(job: Job, format_name: str, rows: Rows) -> Supply:
    """Return the kind of supply; positions of OS Open UPRN are always an update.

    Raises `ImportRefusedError` if changes belong to another product than the live release.
    """
    if format_name == OPEN_UPRN:
        return "update"
    supply = _declared_supply(job, rows)
    if supply == "update":
        job.refuse_mixed(format_name)
    return supply


def _declared_supply(job: Job, rows: Rows) -> Supply:
    """Decide by the options, the files' headers and their rows: only changes update or delete rows.

    Raises `ImportRefusedError` if the options say `full` and the files hold changes.
    """
    counts = rows.counts()
    changes = counts.get(Op.UPDATE, 0) + counts.get(Op.DELETE, 0)
    said = any(file.change_only for file in rows.files())
    if job.options.supply == "full" and (changes or said):
        raise ImportRefusedError("These files hold changes to a release: they are no full supply.")
    return job.options.supply or ("update" if changes or said else "full")


def _recipe(job: Job, supply: Supply, sources: Sources) -> Recipe:
    premises = {f"{number:04d} {file.name}": file.sha256 for number, file in enumerate(job.files, start=1)}
    if supply == "update" and job.base:
        premises = {BASE: job.base.release, **premises}
    imported = job.base.recipe.imported_postcodes if job.base else {}
    return Recipe(sources={**sources.hashes(), **imported}, premises=premises)
