"""Rebuild an imported release from its stage, if it is damaged or this version cannot read its format."""

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
    """Rebuild the live release if it cannot be read, and activate the new one. True if a readable release is live afterwards.

    False if no release is live, if its recipe is unreadable, or if the data dir holds no stage of it. Raises OSError or sqlite3.Error
    when the disk rejects a write.
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
            return True  # readable: another process has rebuilt it, or it never was damaged
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
