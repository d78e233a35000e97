"""Stages: what a release was made from, kept in `<data dir>/stages/<release>` for the next update: layers of rows, imported postcodes."""

import shutil
from pathlib import Path

from services.addresses.gazetteer.files.shipped_sources import Sources

from .stage_layers import layers_in

POSTCODES = "postcodes"
"""The folder of the postcodes that a release was made with, where they were imported."""


def kept_with(data_dir: Path, release_id: str) -> Path:
    """The folder with what a release was made from; it need not exist."""
    return data_dir / "stages" / release_id


def stage_of(data_dir: Path, release_id: str) -> list[Path]:
    """The layers of the stage that a release was made from, the lowest first; none if it was not imported."""
    return layers_in(kept_with(data_dir, release_id))


def sources_of(data_dir: Path, release_id: str) -> Sources:
    """The postcodes that a release was made with: imported ones, else those that are shipped."""
    imported = kept_with(data_dir, release_id) / POSTCODES
    return Sources(imported) if imported.exists() else Sources()


def copy_postcodes(data_dir: Path, before: str, after: str) -> None:
    """Keep the imported postcodes of a release, if it has any, with the one that follows it."""
    held = kept_with(data_dir, before) / POSTCODES
    if held.exists() and before != after:
        shutil.copytree(held, kept_with(data_dir, after) / POSTCODES, dirs_exist_ok=True)
