"""Bring a release from a store into a data dir: aside, several files at a time, checked, then renamed whole.

What a try that was ended has brought stays in `releases/.fetching-<folder>` and is not brought again. A file that a release here holds
already, by its SHA-256, is linked and not brought. Memory is a piece a file.
"""

import asyncio
import errno
import os
import shutil
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from services.addresses.gazetteer.files.atomic import sha256_of, share_file
from services.addresses.gazetteer.progress import Watch, running_total
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.integrity import checked, links_changing
from services.addresses.gazetteer.releases.manifest import FORMAT, MANIFEST, DamagedReleaseError, File, Manifest

from .activation_log import Stored, StoredChanges
from .object_store import PIECE, ObjectStore, several_at_once

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
    manifest, raw = await manifest_of(store, stored)
    aside, linked = await asyncio.to_thread(_aside, data_dir, stored, manifest)
    missing = {name: file for name, file in manifest.files.items() if name not in linked}
    watch.step("fetching", sum(file.bytes for file in missing.values()), "bytes")
    fetched = running_total(watch)

    async def one(name: str, file: File) -> None:
        await _fetch_file(store, stored.name(name), file, aside / name, fetched)

    await several_at_once(one(name, file) for name, file in missing.items())
    (aside / MANIFEST).write_bytes(raw)
    os.utime(aside / MANIFEST, (stored.built.timestamp(),) * 2)
    await asyncio.to_thread(local.put_in_place, data_dir, aside, manifest)
    return manifest


async def fetch_changes(store: ObjectStore, stored: StoredChanges, path: Path) -> None:
    """Put a change set into a file that is there as a whole or not at all. Raises what `fetch` raises."""
    if stored.file.bytes > _MOST_CHANGES:
        raise WrongObjectError(f"{store.url}: {stored.name} is larger than any change set")
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{_ASIDE}{path.name}")
    await _fetch_file(store, stored.name, stored.file, aside, lambda _: None)
    aside.replace(path)


async def manifest_of(store: ObjectStore, stored: Stored) -> tuple[Manifest, bytes]:
    """The manifest of a release in a store, and its bytes. Raises `WrongObjectError` where it is not what the switch to it says,
    `object_store.StoreError`."""
    raw = await store.get(stored.name(MANIFEST), _MOST_MANIFEST)
    return _understood(store, stored, raw), raw


def _aside(data_dir: Path, stored: Stored, manifest: Manifest) -> tuple[Path, set[str]]:
    """The folder to fetch into, and the names of files in it that are links to those of releases that are here, and checked.

    It may hold more, from an earlier try; those of other releases go. OSError where the rest does not fit.
    """
    aside = data_dir / "releases" / f"{_ASIDE}{stored.folder}"
    here = local.releases(data_dir)
    held = _held(data_dir, here, {file.sha256 for file in manifest.files.values()})
    with links_changing(data_dir, *(each.release for each in here)):
        for abandoned in data_dir.glob(f"releases/{_ASIDE}*"):
            if abandoned != aside:
                shutil.rmtree(abandoned, ignore_errors=True)
        aside.mkdir(parents=True, exist_ok=True)
        linked = {name for name, file in manifest.files.items() if (path := held.get(file.sha256)) and _is_linked(aside / name, path)}
        for path in (path for path in aside.rglob("*") if path.is_file() and path.relative_to(aside).as_posix() not in linked):
            if path.stat().st_nlink > 1:  # a link of an earlier try to what is damaged since: nothing is to be written into that
                path.unlink()
    wanted = sum(file.bytes for file in manifest.files.values())
    there = sum(path.stat().st_size for path in aside.rglob("*") if path.is_file())
    if shutil.disk_usage(aside).free < wanted - there:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(aside))
    return aside, linked


def _held(data_dir: Path, here: Sequence[Manifest], wanted: Collection[str]) -> dict[str, Path]:
    """Files of undamaged releases that have one of these SHA-256, by it; of the release that was made last where several do."""
    held: dict[str, Path] = {}
    for manifest in reversed(here):
        files = {file.sha256: name for name, file in manifest.files.items() if file.sha256 in wanted and file.sha256 not in held}
        if files:
            with suppress(OSError, DamagedReleaseError):
                folder, _ = checked(data_dir, manifest.release)
                held.update({digest: folder / name for digest, name in files.items()})
    return held


def _is_linked(path: Path, other: Path) -> bool:
    """Make `path` a link to a file of another release. False where there are no links here: it is a copy then, and to be checked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not (path.exists() and path.samefile(other)):
        path.unlink(missing_ok=True)
        share_file(path, other)
    return path.samefile(other)


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
    is_whole = sha256_of(path) == file.sha256
    if not is_whole:
        path.unlink()
    return is_whole


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
