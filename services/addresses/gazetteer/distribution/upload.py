"""Put a release into a store: its files, then its manifest; and take away what is no longer kept there.

A folder of the store is named after a hash of the manifest, so what lies in it never changes: what is there with its size and hash is not
sent again, whoever sent it. Nor is what the folder of another release holds: the store copies it.
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
"""What lies in a folder that no switch names, and in which nothing has changed for so long, is left of a publisher that was ended."""
SMALL = 10_000
"""Bytes: a file of fewer is sent sooner than the store is asked what it holds, and to copy it."""


async def send(store: ObjectStore, data_dir: Path, release_id: str, kept: Iterable[Stored], watch: Watch) -> Stored:
    """Put a release of a data dir into the store, which holds those of `kept`. Raises `DamagedReleaseError`, `StoreError`; the same call
    then goes on."""
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
    """Put a change set into the store, under a name that no other has. Raises `StoreError`."""
    file = await asyncio.to_thread(_file, path)
    name = f"changes/{number:06d}-{file.sha256[:16]}"
    await store.send(name, path, file.sha256)
    return StoredChanges(name=name, file=file)


async def prune(store: ObjectStore, kept: Collection[Stored], dropped: Collection[Stored], now: datetime) -> None:
    """Remove the releases that were dropped, and what is left of publishers that were ended. Raises `StoreError`."""
    staying, going = {each.folder for each in kept}, {each.folder for each in dropped}
    there, changed = await store.list("releases"), dict[str, datetime]()
    for name, found in there.items():
        folder = name.split("/")[1]
        changed[folder] = max(found.modified, changed.get(folder, found.modified))
    going |= {folder for folder, at in changed.items() if now - at > ABANDONED}
    removed = [name for name in there if name.split("/")[1] in going - staying]
    await store.delete(sorted(removed, key=lambda name: not name.endswith(f"/{MANIFEST}")))


async def _held(store: ObjectStore, kept: Iterable[Stored]) -> dict[str, str]:
    """Objects of releases in the store that may be worth copying, by the SHA-256 that their manifests give."""
    held: dict[str, str] = {}
    for stored in kept:
        with suppress(NotThereError, WrongObjectError):  # as one of an earlier format: all is sent then
            manifest, _ = await manifest_of(store, stored)
            held.update({file.sha256: stored.name(name) for name, file in manifest.files.items() if file.bytes >= SMALL})
    return held


async def _is_held(store: ObjectStore, there: Mapping[str, Object], name: str, file: File) -> bool:
    return name in there and there[name].bytes == file.bytes and await store.holds(name, file.sha256)


async def _is_copied(store: ObjectStore, there: Mapping[str, Object], other: str, name: str, file: File) -> bool:
    """Copy another object within the store, if it is what it should be. False where that cannot be done, and the file is to be sent."""
    with suppress(StoreError):
        if await _is_held(store, there, other, file):
            await store.copy(other, name)
            return True
    return False


def _file(path: Path) -> File:
    return File(bytes=path.stat().st_size, sha256=sha256_of(path))
