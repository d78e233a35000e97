"""Import files of addresses: read, sort by UPRN, put together, build.

A full supply is all that there is. A change-only update is kept as a layer over what the live release was made from, and the release is
made from the live one and the premises that are otherwise; where that is much, it is built whole.
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
    """Make a release of the job's files. Raises what `run.import_files` says."""
    with ExitStack() as opened:
        opened.enter_context(sorting_in(job.folder))
        rows = opened.enter_context(Rows(job.folder))
        only_positions = formats[0].name == OPEN_UPRN
        read(job.files, formats, rows, job.watch, _held(job) if only_positions else None)
        refuse_missing_volumes(rows.files())
        _refuse_bad(job, rows)
        supply = "update" if only_positions else _supply(job, rows)
        if supply == "update" and not only_positions:
            job.refuse_mixed(formats[0].name)
        below = opened.enter_context(_before(job)) if supply == "update" else None
        stage = opened.enter_context(Stage(job.folder, below))
        job.watch.step("sorting", sum(rows.counts().values()), "rows")
        for done in stage.apply(rows, [file.name for file in job.files]):
            job.watch.at(done)
        _refuse_bad(job, rows)  # rows that contradict each other are known now
        stage.note_files(file.sha256 for file in job.files)
        rows.shrink()  # what is built takes more than both had
        stage.shrink()
        editions = job.editions(formats[0].name, None if supply == "update" else "premises")
        making = _Making(job, rows, supply, stage, below, editions=editions)
        with local.data_dir_lock(job.data_dir):
            manifest = making.merged() or making.built()
        assembly = making.assembly
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
            older=stage.older,
        )
    if job.base:
        copy_postcodes(job.data_dir, job.base.release, manifest.release)
    kept = kept_with(job.data_dir, manifest.release)
    note_assembled(kept, assembly.noted())
    link_layers(making.shared, making.layer, kept)
    return imported


class _Making:
    """How the release is made of what has been read: from the live one, or whole."""

    def __init__(self, job: Job, rows: Rows, supply: Supply, stage: Stage, below: Layers | None, *, editions: Sequence[Edition]) -> None:
        self._job, self._rows, self._editions, self._stage, self._below = job, rows, editions, stage, below
        self._sources = sources_of(job.data_dir, job.base.release) if job.base else Sources()
        self._recipe = _recipe(job, supply, self._sources)
        self.layer = stage.path
        """The file of what has been read, to be kept with the release."""
        self.shared = below.paths if below else ()
        """Those that are kept with it too, under that one."""
        self.assembly: Assembly

    def merged(self) -> Manifest | None:
        """The live release with what is otherwise; None where it is to be built whole."""
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

    def built(self) -> Manifest:
        """A release of all that is held, its stage in one file."""
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
        """UPRNs that may be otherwise, in order: their rows are, those of a street that they are on, or they were incomplete.

        None where they are too many, or other premises may be otherwise too: the postcodes or wards are not those of the live release.
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


def _held(job: Job) -> Column:
    """The UPRNs of the live release, which are all that positions can be for."""
    _stage_before(job)
    return open_column(local.current(job.data_dir)[0] / "uprns.npy")


def _before(job: Job) -> Layers:
    """What the live release was made from. Raises `WrongFileError` where a file has been applied to it."""
    layers = Layers(_stage_before(job))
    applied = layers.files()
    for file in job.files:
        if file.sha256 in applied:  # an older update over a newer one would bring back what is past
            layers.close()
            raise WrongFileError(f"{file.name} has been applied to what is live before: leave it out")
    return layers


def _stage_before(job: Job) -> list[Path]:
    stage = stage_of(job.data_dir, job.base.release) if job.base else []
    if not stage:
        live = "no undamaged release is live" if job.base is None else f"the live release, {job.base.release}, was not imported"
        first = "import a full supply and activate it first (to try it: `blocks addresses generate` writes a made-up one)"
        raise ImportRefusedError(f"These files change what is held, and {live}: {first}.")
    return stage


def _supply(job: Job, rows: Rows) -> Supply:
    """As asked for, as the files say of themselves, or as their rows tell: a full supply has nothing to update or delete."""
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
