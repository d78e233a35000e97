"""The release that this process answers from: made or found at start, open until the end."""

import asyncio
import logging
import os
import sqlite3
import sys
from pathlib import Path

from services.addresses.adapters.gazetteer import Gazetteer
from services.addresses.adapters.release import GAZETTEER, DamagedReleaseError, Manifest, Recipe, current
from services.addresses.adapters.sources import Sources
from shared.service import StartError

log = logging.getLogger(__name__)
PROJECT = Path(__file__).resolve().parents[3]


class LiveRelease:
    """Holds the open gazetteer. `open()` must have ended before anything is asked of it."""

    def __init__(self, data_dir: Path, seed: int) -> None:
        self._data_dir = data_dir
        self._seed = seed
        self._opened: tuple[Manifest, Gazetteer] | None = None

    @property
    def manifest(self) -> Manifest:
        """What is being served."""
        return self._served()[0]

    @property
    def gazetteer(self) -> Gazetteer:
        """The open release."""
        return self._served()[1]

    async def open(self) -> None:
        """Check the live release against its hashes, building it first where it is missing, outdated or damaged.

        Raises `StartError` where it cannot be built.
        """
        found = await asyncio.to_thread(self._intact)
        if found is None:
            await self._build()
            found = await asyncio.to_thread(current, self._data_dir)
        folder, manifest = found
        try:
            gazetteer = Gazetteer.open(folder / GAZETTEER)
        except sqlite3.Error as error:
            raise StartError(f"addresses: {folder / GAZETTEER} cannot be opened ({error}). Check ADDRESSES_DATA_DIR.") from error
        self._opened = manifest, gazetteer
        log.info("serving release %s: %d postcodes, %d premises", manifest.release, manifest.counts.postcodes, manifest.counts.premises)

    async def close(self) -> None:
        """Let the release go."""
        if self._opened:
            self._opened[1].close()
            self._opened = None

    def _served(self) -> tuple[Manifest, Gazetteer]:
        if self._opened is None:
            raise RuntimeError("no release is open")
        return self._opened

    def _intact(self) -> tuple[Path, Manifest] | None:
        try:
            folder, manifest = current(self._data_dir)
        except OSError:  # none yet, or out of reach: the build says why
            return None
        except DamagedReleaseError as damage:
            log.warning("%s: it is built again", damage)
            return None
        return (folder, manifest) if manifest.recipe == Recipe.of(Sources(), self._seed) else None

    async def _build(self) -> None:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "services.addresses.adapters.build_release", str(self._data_dir), str(self._seed)),
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT), os.environ.get("PYTHONPATH", "")])},
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, said = await child.communicate()
        except asyncio.CancelledError:
            child.terminate()
            raise
        if child.returncode:
            last = said.decode(errors="replace").strip().splitlines()[-1:] or [f"the build ended with {child.returncode}"]
            raise StartError(f"addresses: {last[0]}. Check ADDRESSES_DATA_DIR (space and permissions).")
