"""Checks the files of a release against its manifest before the release is served.

Hashing reads every byte: for millions of premises it takes seconds and evicts pages in use. A release of at most `ALWAYS_HASHED` bytes is
hashed each time. A larger one is hashed once; `<data dir>/checked` keeps each file's size, inode and times of change. Later checks compare
these and hash the files that differ.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from services.addresses.gazetteer.files.atomic import replace_text, sha256_of

from .manifest import DamagedReleaseError, File, Manifest, folder_of, manifest_in

ALWAYS_HASHED = 128_000_000
"""Bytes; hashing them takes a tenth of a second."""


def checked(data_dir: Path, release: str) -> tuple[Path, Manifest]:
    """Return the folder and manifest of a release whose files match the manifest. Raises `DamagedReleaseError`."""
    folder = folder_of(data_dir, release)
    manifest = manifest_in(folder)
    seen = _seen(data_dir, release) if sum(file.bytes for file in manifest.files.values()) > ALWAYS_HASHED else {}
    for name, expected in manifest.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != expected.bytes:
            raise DamagedReleaseError(f"{path} is not what its manifest says")
        if seen.get(name) != _identity(path, expected) and sha256_of(path) != expected.sha256:
            raise DamagedReleaseError(f"{path} is not what its manifest says")
    note_seen(data_dir, folder, manifest)
    return folder, manifest


def file_as_written(data_dir: Path, path: Path, name: str, base: Manifest | None) -> File:
    """Return size and SHA-256 of a new file. A hard link to a file of `base`, already checked, is not hashed again."""
    known = base.files.get(name) if base else None
    if base and known and (shared := folder_of(data_dir, base.release) / name).exists() and shared.samefile(path):
        return known
    return File(bytes=path.stat().st_size, sha256=sha256_of(path))


def _identity(path: Path, expected: File) -> list[int | str]:
    stat = path.stat()
    return [stat.st_size, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, expected.sha256]


def _seen(data_dir: Path, release: str) -> dict[str, list[int | str]]:
    try:
        seen = json.loads((data_dir / "checked" / f"{release}.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return seen if isinstance(seen, dict) else {}


def note_seen(data_dir: Path, folder: Path, manifest: Manifest) -> None:
    """Note the identity of each file. In a read-only data dir the note fails silently, and the next check hashes again."""
    seen = {name: _identity(folder / name, file) for name, file in manifest.files.items()}
    if seen != _seen(data_dir, manifest.release):
        with suppress(OSError):
            (data_dir / "checked").mkdir(exist_ok=True)
            replace_text(data_dir / "checked" / f"{manifest.release}.json", json.dumps(seen))


@contextmanager
def links_changing(data_dir: Path, *releases: str | None) -> Iterator[None]:
    """Keep the noted identities valid while hard links change, because a changed link count updates a file's ctime."""
    known = []
    for folder in (folder_of(data_dir, release) for release in releases if release):
        with suppress(OSError, DamagedReleaseError):
            manifest, seen = manifest_in(folder), _seen(data_dir, folder.name)
            same = [name for name, file in manifest.files.items() if seen.get(name) == _identity(folder / name, file)]
            known.append((folder, manifest, seen, same))
    yield
    for folder, manifest, seen, same in known:
        with suppress(OSError):
            seen.update({name: _identity(folder / name, manifest.files[name]) for name in same})
            replace_text(data_dir / "checked" / f"{folder.name}.json", json.dumps(seen))
