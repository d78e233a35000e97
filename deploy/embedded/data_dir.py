"""The platform's data directory: how it is recognised, prepared and removed.

A marker file identifies the directory. The runner never writes to, opens to others or removes a folder of somebody else.
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
"""The marker's format version. A newer platform writes a higher one."""
EPHEMERAL = "blocks-"
"""Prefix of the name of a temporary data directory."""
FOLDERS = frozenset({"addresses", "database", "kafka", "logs", "seeds"})
FILES = frozenset({MARKER, READY_FILE, "lock", "secrets.json", "database.users.json"})
"""Everything the platform makes there. A killed `write_whole` also leaves `.NAME.*`."""
_PRIVATE = 0o700
_NOT_OURS = "holds files that are not the platform's: choose an empty or a new directory with --data-dir. Nothing has changed."


def prepare(directory: Path) -> Path:
    """Make the directory, or take over one that is empty or the platform's; return its absolute path.

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
        ):  # a directory that others can read keeps its mode; the platform's folders in it are private
            (directory / name).mkdir(mode=_PRIVATE, exist_ok=True)
        if not (directory / MARKER).exists():
            write_whole(directory / MARKER, json.dumps({"data_of": "London Building Blocks", "version": VERSION}) + "\n")
    except OSError as error:
        raise OperatorError(f"The directory {directory} cannot be used ({error.strerror}): choose another with --data-dir.") from error
    return directory.absolute()


def is_ours(directory: Path) -> bool:
    """Return whether the directory is the platform's: it has the marker, or files of a version before the marker.

    Raises OperatorError where a newer version wrote the marker.
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
        return any((directory / name).is_dir() for name in FOLDERS)  # its secrets are damaged; `load_secrets` reports that
    others = [path for path in directory.iterdir() if not _is_made(path)]
    addresses = directory / "addresses"  # `blocks addresses import` may come before `blocks up`
    return not others and any((addresses / name).is_dir() for name in ("releases", "imports"))


def made_in(directory: Path) -> tuple[list[Path], list[Path]]:
    """Return the platform's files in its own directory, and the files of others."""
    found = sorted(directory.iterdir())
    return [path for path in found if _is_made(path)], [path for path in found if not _is_made(path)]


def remove(directory: Path) -> None:
    """Remove the platform's files, and the directory if nothing else is in it."""
    made, others = made_in(directory)
    for path in sorted(made, key=lambda path: path.name == MARKER):  # the marker last: a removal that stops half-way can be repeated
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    if not others:
        directory.rmdir()


def _is_made(path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        return path.name in FOLDERS
    return path.name in FILES or any(path.name.startswith(f".{name}.") for name in FILES)


def running(directory: Path, *, default: Path) -> Ready:
    """Read the ready file of the platform that uses `directory`; for `default`, also find this user's one ephemeral platform.

    Raises OperatorError where no platform runs, or several ephemeral ones do.
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
    """Return whether a living process holds the lock file; the kernel frees the lock of a killed one."""
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
