"""Build an imported release again from what it was imported from: it is damaged, or of a format that this version does not read."""

from contextlib import suppress
from pathlib import Path

from services.addresses.gazetteer.builds.full import write_release
from services.addresses.gazetteer.files.shipped_sources import SHIPPED_EDITION
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.manifest import DamagedReleaseError, editions_again, recipe_again
from services.addresses.gazetteer.releases.stage_layers import Layers, copy_stage, note_assembled
from services.addresses.gazetteer.releases.stages import copy_postcodes, kept_with, sources_of, stage_of

from .assemble import Assembly


def rebuild(data_dir: Path) -> bool:
    """Make the live release one that can be read. False where it was not imported, or what it was made from is not kept.

    Raises OSError or sqlite3.Error where the disk does not take it.
    """
    with local.data_dir_lock(data_dir):
        try:
            before = local.live(data_dir)
            recipe = recipe_again(data_dir, before)
        except (FileNotFoundError, ValueError):
            return False
        paths = stage_of(data_dir, before)
        if not paths:
            return False
        with suppress(DamagedReleaseError):
            local.current(data_dir)
            return True  # another process was first
        sources = sources_of(data_dir, before)
        editions = editions_again(data_dir, before) or (SHIPPED_EDITION,)
        with Layers(paths) as stage:
            assembly = Assembly(stage, sources)
            manifest = write_release(data_dir, recipe, assembly.blpus(), sources, editions)
        copy_postcodes(data_dir, before, manifest.release)
        kept = kept_with(data_dir, manifest.release)
        note_assembled(kept, assembly.noted())
        copy_stage(paths[0].parent, kept)
        local.activate(data_dir, manifest.release)
        return True
