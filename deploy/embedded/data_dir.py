"""The platform's data directory: which folders are one, what the platform makes there, and how it is removed again.

A marker file says that a folder is the platform's. A folder of somebody else is never written to, opened to others or removed.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from deploy.embedded.errors import OperatorError
from deploy.embedded.files import write_whole
from deploy.embedded.ready_file import READY_FILE, Ready

MARKER = "london-building-blocks.json"
VERSION = 1
"""Of the marker. A higher one was written by a newer version."""
EPHEMERAL = "blocks-"
"""How the name of a temporary data directory begins."""
FOLDERS = frozenset({"addresses", "database", "kafka", "logs", "seeds"})
FILES = frozenset({MARKER, READY_FILE, "lock", "secrets.json", "database.users.json"})
"""All that the platform makes there. `write_whole` also leaves `.NAME.*` where it is killed."""
_PRIVATE = 0o700
_NOT_OURS = "holds files that are not the platform's: choose an empty or a new directory with --data-dir. Nothing has changed."


def prepare(directory: Path) -> Path:
    """Make the directory, or take over one that is empty or the platform's; gives its absolute path.

    Raises OperatorError where it holds anything else, is no directory, or cannot be written to.
    """
    try:
        if not directory.exists():
            directory.mkdir(parents=True, mode=_PRIVATE)
        elif not directory.is_dir():
            raise OperatorError(f"{directory} is not a directory: choose another with --data-dir.")
        elif any(directory.iterdir()) and not is_ours(directory):
            raise OperatorError(f"{directory} {_NOT_OURS}")
        for name in (
            () if directory.stat().st_mode & 0o077 == 0 else FOLDERS
        ):  # a folder of others keeps its mode; what is in ours is private
            (directory / name).mkdir(mode=_PRIVATE, exist_ok=True)
        if not (directory / MARKER).exists():
            write_whole(directory / MARKER, json.dumps({"data_of": "London Building Blocks", "version": VERSION}) + "\n")
    except OSError as error:
        raise OperatorError(f"The directory {directory} cannot be used ({error.strerror}): choose another with --data-dir.") from error
    return directory.absolute()


def is_ours(directory: Path) -> bool:
    """Whether the platform made what is in a directory: it has the marker, or was used before there was one.

    Raises OperatorError where a newer version marked it.
    """
    with suppress(FileNotFoundError, ValueError, AttributeError):
        version = json.loads((directory / MARKER).read_bytes()).get("version")
        if isinstance(version, int) and version > VERSION:
            raise OperatorError(f"{directory} was made by a newer version of the platform: use that, or choose another with --data-dir.")
        return True
    if (directory / "secrets.json").is_file():
        with suppress(OSError, ValueError):
            if "identity_encryption_key" in json.loads((directory / "secrets.json").read_bytes()):
                return True
        return any((directory / name).is_dir() for name in FOLDERS)  # its secrets are damaged, which is said when they are read
    others = [path for path in directory.iterdir() if not _is_made(path)]
    addresses = directory / "addresses"  # `blocks addresses import` may come before `blocks up`
    return not others and any((addresses / name).is_dir() for name in ("releases", "imports"))


def made_in(directory: Path) -> tuple[list[Path], list[Path]]:
    """What the platform made in a directory of its own, and what somebody else put there."""
    found = sorted(directory.iterdir())
    return [path for path in found if _is_made(path)], [path for path in found if not _is_made(path)]


def remove(directory: Path) -> None:
    """Remove what the platform made, and the directory if it is empty then."""
    made, others = made_in(directory)
    for path in sorted(made, key=lambda path: path.name == MARKER):  # the marker last: stopped half-way, the rest is still known as ours
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    if not others:
        directory.rmdir()


def _is_made(path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        return path.name in FOLDERS
    return path.name in FILES or any(path.name.startswith(f".{name}.") for name in FILES)


def running(directory: Path, *, default: Path) -> Ready:
    """The ready file of the platform that uses a directory; without a choice (`default`), of the only ephemeral one of this user too.

    Raises OperatorError where none runs, or several do.
    """
    if directory != default or (directory / READY_FILE).exists():
        return Ready.read(directory / READY_FILE)
    ephemeral = list(_ephemeral())
    if len(ephemeral) > 1:
        several = " or ".join(map(str, ephemeral))
        raise OperatorError(f"Several ephemeral platforms run: name one with --data-dir {several}.")
    return Ready.read((ephemeral[0] if ephemeral else directory) / READY_FILE)


def _ephemeral() -> Iterator[Path]:
    for path in sorted(Path(tempfile.gettempdir()).glob(f"{EPHEMERAL}*/{READY_FILE}")):
        with suppress(OSError):
            if path.parent.stat().st_uid == os.getuid() and _is_held(path.parent / "lock"):
                yield path.parent


def _is_held(lock: Path) -> bool:
    """Whether a process holds a lock file: one that was killed holds it no more."""
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
