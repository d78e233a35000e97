"""Files that are there as a whole or not at all, whatever ends the process or the machine; and what they hold, as a hash."""

import errno
import os
from hashlib import file_digest
from pathlib import Path
from shutil import copyfile
from uuid import uuid4

_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV})


def replace_text(path: Path, text: str) -> None:
    """Write a small file whole, in place of what was there. Raises OSError."""
    aside = path.with_name(f".{path.name}-{uuid4().hex}")
    aside.write_text(text, encoding="utf-8")
    to_disk(aside)
    aside.replace(path)
    to_disk(path.parent)


def to_disk(path: Path) -> None:
    """Return once the disk holds a file, or the names in a folder. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def share_file(path: Path, other: Path) -> None:
    """Make `path` the same file as `other` by a hard link; a copy, whole or not at all, where the file system has none. Raises OSError."""
    try:
        path.hardlink_to(other)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        aside = path.with_name(f"{path.name}.part")
        copyfile(other, aside)
        aside.replace(path)


def sha256_of(path: Path) -> str:
    """SHA-256 of what a file holds, in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
