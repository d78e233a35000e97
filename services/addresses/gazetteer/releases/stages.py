"""Stages: the inputs of a release, in `<data dir>/stages/<release>`, for the next update: layers of rows, imported postcodes."""

import shutil
from pathlib import Path

from services.addresses.gazetteer.files.shipped_sources import Sources

from .stage_layers import layers_in

POSTCODES = "postcodes"
"""Folder of a stage that holds imported postcodes."""


def kept_with(data_dir: Path, release_id: str) -> Path:
    """Return the folder of a release's stage; it need not exist."""
    return data_dir / "stages" / release_id


def stage_of(data_dir: Path, release_id: str) -> list[Path]:
    """Return the layers of a release's stage, the lowest first; none if the release was not imported."""
    return layers_in(kept_with(data_dir, release_id))


def sources_of(data_dir: Path, release_id: str) -> Sources:
    """Return the postcodes of a release: imported ones, or those shipped."""
    imported = kept_with(data_dir, release_id) / POSTCODES
    return Sources(imported) if imported.exists() else Sources()


def copy_postcodes(data_dir: Path, before: str, after: str) -> None:
    """Copy the imported postcodes of a release, if it has any, to the stage of its successor."""
    held = kept_with(data_dir, before) / POSTCODES
    if held.exists() and before != after:
        shutil.copytree(held, kept_with(data_dir, after) / POSTCODES, dirs_exist_ok=True)
