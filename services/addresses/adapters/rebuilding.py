"""Build an imported release again from what it was imported from: it is damaged, or of a format that this version does not read."""

from contextlib import suppress
from pathlib import Path

from . import release
from .assembly import Assembly
from .import_jobs import carry_postcodes, kept_with, sources_of, stage_of
from .sources import SHIPPED_EDITION
from .staging import Stage


def rebuild(data_dir: Path) -> bool:
    """Make the live release one that can be read. False where it was not imported, or what it was made from is not kept.

    Raises OSError or sqlite3.Error where the disk does not take it.
    """
    with release.alone(data_dir):
        try:
            before = release.live(data_dir)
            recipe = release.recipe_again(data_dir, before)
        except (FileNotFoundError, ValueError):
            return False
        path = stage_of(data_dir, before)
        if path is None:
            return False
        with suppress(release.DamagedReleaseError):
            release.current(data_dir)
            return True  # another process was first
        sources = sources_of(data_dir, before)
        stage = Stage(path.parent)
        try:
            manifest = release.write(
                data_dir, recipe, Assembly(stage, sources).blpus(), sources, release.editions_again(data_dir, before) or (SHIPPED_EDITION,)
            )
        finally:
            stage.close()
        carry_postcodes(data_dir, before, manifest.release)
        carried = kept_with(data_dir, manifest.release) / Stage.FILE
        if not carried.exists():
            carried.parent.mkdir(parents=True, exist_ok=True)
            carried.hardlink_to(path)
        release.activate(data_dir, manifest.release)
        return True
