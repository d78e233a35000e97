"""Bring a release from a store into a data dir: aside, several files at a time, checked, then renamed whole.

What a try that was ended has brought stays in `releases/.fetching-<folder>` and is not brought again. Memory is a piece a file.
"""

import asyncio
import errno
import os
import shutil
from collections.abc import Callable
from hashlib import file_digest, sha256
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from . import release
from .manifest import FORMAT, MANIFEST, File, Manifest
from .object_store import PIECE, ObjectStore, several_at_once
from .reading import Watch, adding_up
from .switches import Stored, StoredChanges

_ASIDE = ".fetching-"
_MOST_MANIFEST = 4_000_000
"""Bytes; one has less than 100,000."""
_MOST_CHANGES = 2_000_000_000


class WrongObjectError(Exception):
    """An object of the store is not what it should be. The message names it."""


async def fetch(store: ObjectStore, stored: Stored, data_dir: Path, watch: Watch) -> Manifest:
    """Put a release beside the others of a data dir, in place of one of its id. Only one process at a time may do so in a data dir.

    Raises `WrongObjectError`, `object_store.StoreError`; OSError where the disk does not take it. After any of them the same call goes on.
    """
    raw = await store.get(stored.name(MANIFEST), _MOST_MANIFEST)
    manifest = _understood(store, stored, raw)
    wanted = sum(file.bytes for file in manifest.files.values())
    aside = await asyncio.to_thread(_aside, data_dir, stored, wanted)
    watch.step("fetching", wanted, "bytes")
    fetched = adding_up(watch)

    async def one(name: str, file: File) -> None:
        await _fetch_file(store, stored.name(name), file, aside / name, fetched)

    await several_at_once(one(name, file) for name, file in manifest.files.items())
    (aside / MANIFEST).write_bytes(raw)
    os.utime(aside / MANIFEST, (stored.built.timestamp(),) * 2)
    await asyncio.to_thread(release.put_in_place, data_dir, aside, manifest)
    return manifest


async def fetch_changes(store: ObjectStore, stored: StoredChanges, path: Path) -> None:
    """Put a change set into a file that is there as a whole or not at all. Raises what `fetch` raises."""
    if stored.file.bytes > _MOST_CHANGES:
        raise WrongObjectError(f"{store.url}: {stored.name} is larger than any change set")
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{_ASIDE}{path.name}")
    await _fetch_file(store, stored.name, stored.file, aside, lambda _: None)
    aside.replace(path)


def _aside(data_dir: Path, stored: Stored, wanted: int) -> Path:
    """The folder to fetch into, with what is in it already; those of other releases go. OSError where the rest does not fit."""
    aside = data_dir / "releases" / f"{_ASIDE}{stored.folder}"
    for abandoned in data_dir.glob(f"releases/{_ASIDE}*"):
        if abandoned != aside:
            shutil.rmtree(abandoned, ignore_errors=True)
    aside.mkdir(parents=True, exist_ok=True)
    here = sum(path.stat().st_size for path in aside.rglob("*") if path.is_file())
    if shutil.disk_usage(aside).free < wanted - here:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(aside))
    return aside


async def _fetch_file(store: ObjectStore, name: str, file: File, path: Path, fetched: Callable[[int], None]) -> None:
    """What the file holds already is taken for its beginning; the hash of the whole tells."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as out:
        if out.tell() > file.bytes:
            out.truncate(0)
        at = out.seek(0, os.SEEK_END)
        fetched(at)
        while at < file.bytes:
            piece = await store.piece(name, at, min(PIECE, file.bytes - at))
            await asyncio.to_thread(out.write, piece)
            at += len(piece)
            fetched(len(piece))
    if not await asyncio.to_thread(_is_whole, path, file):
        raise WrongObjectError(f"{store.url}: {name} is not what its manifest says")


def _is_whole(path: Path, file: File) -> bool:
    """Whether a file is what it should be; one that is not is removed, to begin anew."""
    with path.open("rb") as held:
        digest = file_digest(held, "sha256").hexdigest()
    if digest != file.sha256:
        path.unlink()
    return digest == file.sha256


def _understood(store: ObjectStore, stored: Stored, raw: bytes) -> Manifest:
    name = f"{store.url}: {stored.name(MANIFEST)}"
    if len(raw) != stored.manifest.bytes or sha256(raw).hexdigest() != stored.manifest.sha256:
        raise WrongObjectError(f"{name} is not what the switch to it says")
    try:
        manifest = Manifest.model_validate_json(raw)
    except ValidationError as error:
        raise WrongObjectError(f"{name} cannot be read: a newer version of this software may have published it") from error
    if manifest.recipe.format != FORMAT:
        raise WrongObjectError(
            f"{name} is of format {manifest.recipe.format}, this version reads {FORMAT}: it has to be published again by this version"
        )
    if manifest.release != stored.release or not all(_is_plain(file) for file in manifest.files):
        raise WrongObjectError(f"{name} names another release, or files outside of its folder")
    return manifest


def _is_plain(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\\" not in name and name != MANIFEST
