"""Put a release into a store: its files, then its manifest; and take away what is no longer kept there.

A folder of the store is named after a hash of the manifest, so what lies in it never changes: what is there with its size and hash is not
sent again, whoever sent it.
"""

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from hashlib import file_digest, sha256
from pathlib import Path

from .checking import checked
from .manifest import MANIFEST, File
from .object_store import Object, ObjectStore, several_at_once
from .reading import Watch, adding_up
from .switches import Stored, StoredChanges

ABANDONED = timedelta(days=1)
"""What lies in a folder that no switch names, and has not changed for so long, is left of a publisher that was ended."""


async def send(store: ObjectStore, data_dir: Path, release_id: str, watch: Watch) -> Stored:
    """Put a release of a data dir into the store. Raises `DamagedReleaseError`, `StoreError`; the same call then goes on."""
    folder, manifest = checked(data_dir, release_id)
    raw = (folder / MANIFEST).read_bytes()
    digest = sha256(raw).hexdigest()
    stored = Stored(
        release=release_id,
        folder=f"{release_id}-{digest[:16]}",
        manifest=File(bytes=len(raw), sha256=digest),
        built=datetime.fromtimestamp((folder / MANIFEST).stat().st_mtime, UTC),
    )
    there = await store.list(f"releases/{stored.folder}")
    sent = adding_up(watch)

    async def one(name: str, file: File) -> None:
        await _send_file(store, stored.name(name), folder / name, file, is_there=_size(there, stored.name(name)) == file.bytes, sent=sent)

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
    removed = [
        name
        for name, there in (await store.list("releases")).items()
        if (folder := name.split("/")[1]) not in staying and (folder in going or now - there.modified > ABANDONED)
    ]
    await store.delete(sorted(removed, key=lambda name: not name.endswith(f"/{MANIFEST}")))


async def _send_file(store: ObjectStore, name: str, path: Path, file: File, *, is_there: bool, sent: Callable[[int], None]) -> None:
    if is_there and await store.holds(name, file.sha256):
        sent(file.bytes)
    else:
        await store.send(name, path, file.sha256, sent)


def _file(path: Path) -> File:
    with path.open("rb") as file:
        return File(bytes=path.stat().st_size, sha256=file_digest(file, "sha256").hexdigest())


def _size(there: dict[str, Object], name: str) -> int:
    return there[name].bytes if name in there else -1
