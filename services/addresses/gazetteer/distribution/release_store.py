"""The release store: several machines share releases through it; one publishes, and every data dir follows.

The store's activation log decides which release is live. A data dir keeps in `<data dir>/followed/<store>` the last activation that it
followed (`switch.json`) and the change sets of the store's activations (`changes/`), by the store's numbers.

    switches/000001.json            activations, in order; see `activation_log`
    releases/<release>-<hash>/...   the files of a release and its manifest; see `upload` and `download`
    changes/000002-<hash>           the change set of an activation; see `change_sets`
"""

import asyncio
import fcntl
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from services.addresses.gazetteer.progress import Unwatched, Watch
from services.addresses.gazetteer.releases import change_sets, local
from services.addresses.gazetteer.releases.integrity import checked
from services.addresses.gazetteer.releases.local import KEPT
from services.addresses.gazetteer.releases.manifest import DamagedReleaseError, Manifest
from shared.clock import now

from .activation_log import Activation, ActivationLog, CrossedError, Stored
from .download import WrongObjectError, fetch, fetch_changes
from .object_store import NotThereError, ObjectStore, StoreError
from .upload import prune, send, send_changes

log = logging.getLogger(__name__)
PROBLEMS = (StoreError, WrongObjectError, DamagedReleaseError, OSError)
"""Errors of following and publishing; each message is one line."""
SECONDS_OF_PATIENCE = 10.0
"""Seconds to wait for another process of the data dir, which holds the lock for less than one unless it downloads."""


class ReleaseStore:
    """A store, as one data dir follows it and publishes to it."""

    def __init__(self, data_dir: Path, url: str) -> None:
        self.url = url
        self._data_dir = data_dir
        self._store = ObjectStore(url)
        self._log = ActivationLog(self._store)
        self._checked = False

    @property
    def folder(self) -> Path:
        """Folder of this store in the data dir; `change_sets.change_sets` reads its change sets."""
        return self._data_dir / "followed" / sha256(self._store.url.encode()).hexdigest()[:12]

    def followed(self) -> Activation | None:
        """Return the activation that this data dir followed last, or None."""
        with suppress(OSError, ValidationError):
            return Activation.model_validate_json((self.folder / "switch.json").read_bytes())
        return None

    async def catch_up(self, watch: Watch | None = None, patience: float = 0) -> Activation | None:
        """Activate the store's live release in the data dir and return its activation; None if the store has none yet.

        One process of a data dir does so; others raise BlockingIOError after `patience` seconds. The first call of a process checks the
        live release's files. Raises `PROBLEMS`; the live release then stays, and a repeated call resumes.
        """
        async with self._store_lock(patience):
            known = self.followed()
            later = await self._log.after(known)
            head = later[-1] if later else known
            if head is None or (not later and self._checked and self._is_live(head.live)):
                return head
            await self._have(head.live, watch or Unwatched())
            with local.data_dir_lock(self._data_dir, wait=False):
                await self._follow(later or [head])
            self._checked = True
            return head

    async def publish(self, release_id: str, watch: Watch) -> None:
        """Activate a release of the data dir on every machine, after `catch_up`. Hold `local.data_dir_lock`.

        Raises `CrossedError` if another process has activated one since, `PROBLEMS`, BlockingIOError; no release is activated then.
        """
        async with self._store_lock(SECONDS_OF_PATIENCE):
            known = self.followed()
            before = known.activated if known else ()
            stored = await self._sent(release_id, known, watch)
            activated = (*(each for each in before if each.release != release_id), stored)[-KEPT:]
            await self._activate(known, activated)

    async def publish_earlier(self, watch: Watch) -> Manifest:
        """Activate the previous release on every machine and return its manifest. Locks and errors are those of `publish`.

        Raises FileNotFoundError if there is none.
        """
        async with self._store_lock(SECONDS_OF_PATIENCE):
            known = self.followed()
            earlier = known.activated[:-1] if known else ()
            while earlier:
                try:
                    manifest = await self._have(earlier[-1], watch)
                except (WrongObjectError, DamagedReleaseError, NotThereError):
                    earlier = earlier[:-1]
                    continue
                stored = await self._sent(manifest.release, known, watch)
                await self._activate(known, (*earlier[:-1], stored))
                return manifest
        raise FileNotFoundError(f"{self.url} holds no earlier release that is undamaged")

    async def _sent(self, release_id: str, known: Activation | None, watch: Watch) -> Stored:
        if later := await self._log.after(known):
            raise CrossedError(later[-1].live.release)
        return await send(self._store, self._data_dir, release_id, known.activated if known else (), watch)

    async def _activate(self, known: Activation | None, activated: tuple[Stored, ...]) -> None:
        number, live = known.number + 1 if known else 1, activated[-1].release
        changes = None
        if changed := await asyncio.to_thread(local.changes_to, self._data_dir, live):
            prepared = await asyncio.to_thread(change_sets.prepare, self.folder, changed[0], live, changed[1])
            changes = await send_changes(self._store, number, prepared)
            prepared.unlink()
        before = changed[0] if changed else self._live_here()
        activation = Activation(number=number, at=now(), before=before, activated=activated, changes=changes)
        await self._log.commit(activation)
        try:  # committed: the next poll or publisher completes what fails now
            await self._follow([activation])
            await prune(self._store, activated, known.activated if known else (), now())
        except PROBLEMS as error:
            log.warning("release %s is live in the store, but: %s", live, error)

    async def _have(self, stored: Stored, watch: Watch) -> Manifest:
        """Return the manifest of a release that is undamaged in the data dir; downloads it if necessary."""
        with suppress(DamagedReleaseError):
            return (await asyncio.to_thread(checked, self._data_dir, stored.release))[1]
        return await fetch(self._store, stored, self._data_dir, watch)

    async def _follow(self, activations: list[Activation]) -> None:
        """Activate the last activation's release here and store each change set. A repeated call resumes after a failure."""
        head = activations[-1]
        history = [each.release for each in head.activated]
        await asyncio.to_thread(local.follow, self._data_dir, history)
        for activation in activations:
            path = self.folder / "changes" / f"{activation.number:06d}"
            if activation.changes and not path.exists():
                await fetch_changes(self._store, activation.changes, path)
        self.folder.mkdir(parents=True, exist_ok=True)
        aside = self.folder / ".switch.json"
        aside.write_text(head.model_dump_json(indent=2) + "\n", encoding="utf-8")
        aside.replace(self.folder / "switch.json")

    def _is_live(self, stored: Stored) -> bool:
        return self._live_here() == stored.release

    def _live_here(self) -> str:
        try:
            return local.live(self._data_dir)
        except FileNotFoundError:
            return ""

    @asynccontextmanager
    async def _store_lock(self, patience: float) -> AsyncIterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as lock:
            until = asyncio.get_running_loop().time() + patience
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if asyncio.get_running_loop().time() > until:
                        raise
                    await asyncio.sleep(0.1)
            yield
