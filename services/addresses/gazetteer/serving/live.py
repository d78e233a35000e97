"""Opens the live release of this process, or builds it, at start, and follows later activations."""

import asyncio
import logging
import os
import sqlite3
import sys
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

from services.addresses.domain.addressbase.editions import newest
from services.addresses.gazetteer.distribution.release_store import PROBLEMS, ReleaseStore
from services.addresses.gazetteer.files.shipped_sources import Sources
from services.addresses.gazetteer.releases.local import current, data_dir_lock, finish_activation, last_good, live
from services.addresses.gazetteer.releases.manifest import MANIFEST, DamagedReleaseError, Manifest, Recipe, folder_of, holds_made_up
from services.addresses.gazetteer.releases.stages import stage_of
from services.addresses.gazetteer.search.gazetteer import Gazetteer
from shared.service import StartError

log = logging.getLogger(__name__)
SECONDS_TO_GIVE_WAY = 0.0005
"""Interpreter switch interval while a release opens, so that requests wait less."""
_USUAL_SECONDS = sys.getswitchinterval()
SECONDS_BETWEEN_TRIES = 2.0
PROJECT = Path(__file__).resolve().parents[4]


class LiveRelease:
    """The open gazetteer. Await `open()` before any use."""

    def __init__(self, data_dir: Path, seed: int, store: ReleaseStore | None = None) -> None:
        self._data_dir = data_dir
        self._seed = seed
        self._store = store
        self._warned = ""
        self._opened: tuple[Manifest, Gazetteer] | None = None

    @property
    def manifest(self) -> Manifest:
        """The manifest of the live release."""
        return self._served()[0]

    @property
    def built(self) -> date:
        """The day (UTC) on which the live release was built."""
        made = folder_of(self._data_dir, self.manifest.release).joinpath(MANIFEST).stat().st_mtime
        return datetime.fromtimestamp(made, UTC).date()

    @property
    def epoch(self) -> str:
        """The supply's name of the live edition of premises; the release's id if the edition has no name."""
        edition = newest(self.manifest.editions, "premises")
        return (edition.name if edition else "") or self.manifest.release

    @property
    def updated(self) -> date:
        """The day of the live edition of premises, as its supply gives it; else the day of the build."""
        edition = newest(self.manifest.editions, "premises")
        return (edition.day if edition else None) or self.built

    @property
    def gazetteer(self) -> Gazetteer:
        """The gazetteer of the live release."""
        return self._served()[1]

    async def open(self) -> None:
        """Checks and opens the live release.

        Builds the release of the shipped data if there is no release, or if that one is outdated or damaged. Replaces a damaged release
        of imported data by the last intact one, with an error in the log; without one, it rebuilds the release from its import.
        Raises `StartError` if there is nothing to serve.

        With a store it builds nothing: it opens the intact release of the data directory, else waits for the store's first one.
        """
        await asyncio.to_thread(self._finish_activation)
        if self._store:
            self._opened = await asyncio.to_thread(_open, *await self._from_store(self._store))
            return
        found = await asyncio.to_thread(self._intact)
        if found is None:
            await self._build()
            found = await asyncio.to_thread(current, self._data_dir)
        self._opened = await asyncio.to_thread(_open, *found)

    async def follow(self) -> bool:
        """Opens the release that is live now, and returns True if it is another one. Logs a damaged release and keeps the open one."""
        try:
            if live(self._data_dir) == self.manifest.release:
                return False
            opened = await asyncio.to_thread(_open_beside_requests, self._data_dir)
        except (OSError, DamagedReleaseError) as error:
            if str(error) != self._warned:
                log.warning("release %s is still served: %s", self.manifest.release, error)
            self._warned = str(error)
            return False
        self._warned = ""
        self._opened = opened
        return True

    async def close(self) -> None:
        """Closes the release."""
        if self._opened:
            self._opened[1].close()
            self._opened = None

    def _served(self) -> tuple[Manifest, Gazetteer]:
        if self._opened is None:
            raise RuntimeError("no release is open")
        return self._opened

    def _finish_activation(self) -> None:
        """Finishes an activation that a killed process left; if another process has the lock, that one does it."""
        with suppress(OSError), data_dir_lock(self._data_dir, wait=False):
            finish_activation(self._data_dir)

    def _intact(self) -> tuple[Path, Manifest] | None:
        try:
            folder, manifest = current(self._data_dir)
        except OSError:  # there is none, or it is unreadable: the build reports the reason
            return None
        except DamagedReleaseError as damage:
            return self._in_place_of_damaged(damage)
        outdated = manifest.recipe.made_up and manifest.recipe != Recipe.of(Sources(), self._seed)
        return None if outdated else (folder, manifest)

    def _in_place_of_damaged(self, damage: DamagedReleaseError) -> tuple[Path, Manifest] | None:
        if (now := live(self._data_dir)) == Recipe.of(Sources(), self._seed).release or holds_made_up(self._data_dir, now):
            log.warning("%s: it is built again", damage)
            return None
        try:
            folder, manifest = last_good(self._data_dir)
        except FileNotFoundError:
            if stage_of(self._data_dir, now):
                log.warning("%s: it is built again from what it was imported from", damage)
                return None
            raise StartError(f"addresses: {damage}, and there is no earlier release that is undamaged.") from damage
        log.error("%s: the release before it, %s, is served", damage, manifest.release)
        return folder, manifest

    async def _from_store(self, store: ReleaseStore) -> tuple[Path, Manifest]:
        """Returns the data directory's intact release, even if the store is unreachable; else waits for the store's first."""
        said = ""
        while True:
            try:
                return await asyncio.to_thread(self._undamaged)
            except FileNotFoundError:
                now = await self._brought(store)
            if now and now != said:
                log.warning("%s", now)
            said = now or said
            await asyncio.sleep(SECONDS_BETWEEN_TRIES if now else 0)

    def _undamaged(self) -> tuple[Path, Manifest]:
        try:
            return current(self._data_dir)
        except DamagedReleaseError as damage:
            folder, manifest = last_good(self._data_dir)
            log.warning("%s: the release before it, %s, is served until it is fetched again", damage, manifest.release)
            return folder, manifest

    async def _brought(self, store: ReleaseStore) -> str:
        """Fetches from the store; returns the reason if no release came, else an empty text."""
        try:
            there = await store.catch_up()
        except BlockingIOError:
            return "waiting for the release that another process is fetching into the same data dir"
        except PROBLEMS as error:
            return f"waiting for a release: {error}"
        return "" if there else f"waiting for a first release in {store.url}: `blocks addresses import ... --activate` puts one there"

    async def _build(self) -> None:
        log.info("building the release of the shipped postcodes and made-up premises; this takes a quarter of a minute or more, once")
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "services.addresses.gazetteer.imports.build_release", str(self._data_dir), str(self._seed)),
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


def _open(folder: Path, manifest: Manifest) -> tuple[Manifest, Gazetteer]:
    """Opens a release. Running requests keep the earlier one until they end; its files close with their last reader."""
    try:
        gazetteer = Gazetteer.open(folder)
        split = len(gazetteer.split_postcodes)  # computed now, so that no request waits for it
    except (OSError, ValueError, sqlite3.Error) as error:
        raise StartError(f"addresses: {folder} cannot be opened ({error}). Check ADDRESSES_DATA_DIR.") from error
    counts = manifest.counts
    log.info(
        "serving release %s: %d postcodes (%d in several boroughs), %d premises", manifest.release, counts.postcodes, split, counts.premises
    )
    return manifest, gazetteer


def _open_beside_requests(data_dir: Path) -> tuple[Manifest, Gazetteer]:
    """Checks and opens the live release in a thread, with a shorter interpreter switch interval.

    With the usual interval of 5 ms, requests would wait for this thread, some several times.
    """
    sys.setswitchinterval(SECONDS_TO_GIVE_WAY)
    try:
        opened = _open(*current(data_dir))
        opened[1].warm()
        return opened
    finally:
        sys.setswitchinterval(_USUAL_SECONDS)
