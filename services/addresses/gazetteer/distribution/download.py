"""Downloads a release from a store into a data dir: aside, several files at a time, checked, then renamed whole.

An interrupted download stays in `releases/.fetching-<folder>` and resumes. A file with the same SHA-256 in a local release is linked, not
downloaded. Memory: one piece (`PIECE`) per file.
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
"""Largest manifest that is read, in bytes; one has less than 100,000."""
_MOST_CHANGES = 2_000_000_000


class WrongObjectError(Exception):
    """An object of the store does not match its hash or its reader. The message names it."""


async def fetch(store: ObjectStore, stored: Stored, data_dir: Path, watch: Watch) -> Manifest:
    """Download a release into a data dir, replacing one of the same id. Only one process per data dir may do so at a time.

    Raises `WrongObjectError`, `object_store.StoreError`, or OSError if the disk rejects it. After any of them a repeated call resumes.
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
    """Download a change set into `path` atomically. Raises the errors of `fetch`."""
    if stored.file.bytes > _MOST_CHANGES:
        raise WrongObjectError(f"{store.url}: {stored.name} is larger than any change set")
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{_ASIDE}{path.name}")
    await _fetch_file(store, stored.name, stored.file, aside, lambda _: None)
    aside.replace(path)


async def manifest_of(store: ObjectStore, stored: Stored) -> tuple[Manifest, bytes]:
    """Return the manifest of a stored release, parsed and as bytes. Raises `WrongObjectError` if it does not match the log entry,
    `object_store.StoreError`."""
    raw = await store.get(stored.name(MANIFEST), _MOST_MANIFEST)
    return _understood(store, stored, raw), raw


def _aside(data_dir: Path, stored: Stored, manifest: Manifest) -> tuple[Path, set[str]]:
    """Prepare the download folder; return it and the names of files linked from checked local releases.

    The folder may hold files of an earlier attempt; those of other releases are removed. Raises OSError if the rest does not fit.
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
            if path.stat().st_nlink > 1:  # an earlier attempt's link to a file damaged since: never write into it
                path.unlink()
    wanted = sum(file.bytes for file in manifest.files.values())
    there = sum(path.stat().st_size for path in aside.rglob("*") if path.is_file())
    if shutil.disk_usage(aside).free < wanted - there:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(aside))
    return aside, linked


def _held(data_dir: Path, here: Sequence[Manifest], wanted: Collection[str]) -> dict[str, Path]:
    """Return files of undamaged local releases by the SHA-256 wanted; the latest release that has one provides it."""
    held: dict[str, Path] = {}
    for manifest in reversed(here):
        files = {file.sha256: name for name, file in manifest.files.items() if file.sha256 in wanted and file.sha256 not in held}
        if files:
            with suppress(OSError, DamagedReleaseError):
                folder, _ = checked(data_dir, manifest.release)
                held.update({digest: folder / name for digest, name in files.items()})
    return held


def _is_linked(path: Path, other: Path) -> bool:
    """Link `path` to a file of another release. Returns False if the file system made a copy, which still needs a check."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not (path.exists() and path.samefile(other)):
        path.unlink(missing_ok=True)
        share_file(path, other)
    return path.samefile(other)


async def _fetch_file(store: ObjectStore, name: str, file: File, path: Path, fetched: Callable[[int], None]) -> None:
    """Append the missing bytes of an object to `path`; the hash of the whole file verifies an earlier attempt's bytes."""
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
    """Return whether a file matches its hash; removes one that does not, so that the next attempt starts anew."""
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
