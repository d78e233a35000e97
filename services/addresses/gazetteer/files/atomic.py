"""Writes that survive a crash: a file is complete or absent. Also computes SHA-256 of files."""

import errno
import os
from hashlib import file_digest
from pathlib import Path
from shutil import copyfile
from uuid import uuid4

_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})


def replace_text(path: Path, text: str) -> None:
    """Replace `path` with `text` atomically and sync it to disk. Raises OSError."""
    aside = path.with_name(f".{path.name}-{uuid4().hex}")
    aside.write_text(text, encoding="utf-8")
    to_disk(aside)
    aside.replace(path)
    to_disk(path.parent)


def to_disk(path: Path) -> None:
    """Sync a file, or the entries of a folder, to disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def share_file(path: Path, other: Path) -> None:
    """Hard-link `path` to `other`, or copy it atomically where the file system has no hard links. Raises OSError."""
    try:
        path.hardlink_to(other)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        aside = path.with_name(f"{path.name}.part")
        copyfile(other, aside)
        aside.replace(path)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
