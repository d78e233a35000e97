"""Files that are there as a whole or not at all, whatever ends the process or the machine; and what they hold, as a hash."""

import os
from hashlib import file_digest
from pathlib import Path
from uuid import uuid4


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


def sha256_of(path: Path) -> str:
    """SHA-256 of what a file holds, in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
