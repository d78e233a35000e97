"""Uploads a release to a store, its files before its manifest, and removes releases that the store no longer keeps.

A folder is named after a hash of the manifest, so its content never changes: a file that is there with its size and hash is not sent again.
The store copies a file that the folder of another release holds.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from services.addresses.gazetteer.files.atomic import sha256_of
from services.addresses.gazetteer.progress import Watch, running_total
from services.addresses.gazetteer.releases.integrity import checked
from services.addresses.gazetteer.releases.manifest import MANIFEST, File

from .activation_log import Stored, StoredChanges
from .download import WrongObjectError, manifest_of
from .object_store import NotThereError, Object, ObjectStore, StoreError, several_at_once

ABANDONED = timedelta(days=1)
"""Age after which `prune` removes an unchanged folder that no log entry names: an interrupted publisher left it."""
SMALL = 10_000
"""Bytes; a smaller file is sent without asking the store for a copy, which takes longer."""


async def send(store: ObjectStore, data_dir: Path, release_id: str, kept: Iterable[Stored], watch: Watch) -> Stored:
    """Upload a release of a data dir; the store holds those of `kept`. Raises `DamagedReleaseError`, `StoreError`; a repeat resumes."""
    folder, manifest = checked(data_dir, release_id)
    raw = (folder / MANIFEST).read_bytes()
    digest = sha256(raw).hexdigest()
    stored = Stored(
        release=release_id,
        folder=f"{release_id}-{digest[:16]}",
        manifest=File(bytes=len(raw), sha256=digest),
        built=datetime.fromtimestamp((folder / MANIFEST).stat().st_mtime, UTC),
    )
    there = await store.list("releases")
    held = await _held(store, kept)
    sent = running_total(watch)

    async def one(name: str, file: File) -> None:
        wanted, other = stored.name(name), held.get(file.sha256)
        if await _is_held(store, there, wanted, file) or (other and await _is_copied(store, there, other, wanted, file)):
            sent(file.bytes)
        else:
            await store.send(wanted, folder / name, file.sha256, sent)

    watch.step("sending", sum(file.bytes for file in manifest.files.values()), "bytes")
    await several_at_once(one(name, file) for name, file in manifest.files.items())
    await one(MANIFEST, stored.manifest)
    return stored


async def send_changes(store: ObjectStore, number: int, path: Path) -> StoredChanges:
    """Upload a change set under a unique name. Raises `StoreError`."""
    file = await asyncio.to_thread(_file, path)
    name = f"changes/{number:06d}-{file.sha256[:16]}"
    await store.send(name, path, file.sha256)
    return StoredChanges(name=name, file=file)


async def prune(store: ObjectStore, kept: Collection[Stored], dropped: Collection[Stored], now: datetime) -> None:
    """Remove the `dropped` releases and the remains of interrupted publishers. Raises `StoreError`."""
    staying, going = {each.folder for each in kept}, {each.folder for each in dropped}
    there, changed = await store.list("releases"), dict[str, datetime]()
    for name, found in there.items():
        folder = name.split("/")[1]
        changed[folder] = max(found.modified, changed.get(folder, found.modified))
    going |= {folder for folder, at in changed.items() if now - at > ABANDONED}
    removed = [name for name in there if name.split("/")[1] in going - staying]
    await store.delete(sorted(removed, key=lambda name: not name.endswith(f"/{MANIFEST}")))


async def _held(store: ObjectStore, kept: Iterable[Stored]) -> dict[str, str]:
    """Return stored objects that are worth copying, by the SHA-256 in their manifests."""
    held: dict[str, str] = {}
    for stored in kept:
        with suppress(NotThereError, WrongObjectError):  # such as one of an earlier format; then every file is sent
            manifest, _ = await manifest_of(store, stored)
            held.update({file.sha256: stored.name(name) for name, file in manifest.files.items() if file.bytes >= SMALL})
    return held


async def _is_held(store: ObjectStore, there: Mapping[str, Object], name: str, file: File) -> bool:
    return name in there and there[name].bytes == file.bytes and await store.holds(name, file.sha256)


async def _is_copied(store: ObjectStore, there: Mapping[str, Object], other: str, name: str, file: File) -> bool:
    """Copy another object if it matches its hash. Returns False if the store cannot copy it; then send the file."""
    with suppress(StoreError):
        if await _is_held(store, there, other, file):
            await store.copy(other, name)
            return True
    return False


def _file(path: Path) -> File:
    return File(bytes=path.stat().st_size, sha256=sha256_of(path))
