"""Errors that a command reports in one line."""

import errno
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from services.addresses.domain.addressbase.incoming import WrongFileError
from services.addresses.gazetteer.distribution.activation_log import CrossedError
from services.addresses.gazetteer.distribution.download import WrongObjectError
from services.addresses.gazetteer.distribution.object_store import StoreError
from services.addresses.gazetteer.imports.job import ImportRefusedError
from services.addresses.gazetteer.releases.manifest import DamagedReleaseError

STOPPED = 130
"""Exit code after Ctrl-C, as in shells."""
STILL_SERVED = "What was live is still served."
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class CommandError(Exception):
    """An error that the operator can correct; `str()` is one line with the error and the remedy."""


@contextmanager
def plain_errors(directory: Path) -> Iterator[None]:
    """Report an error in one line on stderr and exit with 1, or with `STOPPED` after Ctrl-C. The live release is unchanged."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write(f"Stopped. {STILL_SERVED} The same command resumes this one.\n")
        raise typer.Exit(STOPPED) from None
    except (
        *(CommandError, WrongFileError, ImportRefusedError, DamagedReleaseError),
        *(StoreError, WrongObjectError, CrossedError),
    ) as error:
        sys.stderr.write(f"{str(error).rstrip('.')}. {STILL_SERVED}\n")
    except BlockingIOError:
        sys.stderr.write(f"Another command builds or switches releases in {directory}: try again when it is done. {STILL_SERVED}\n")
    except (OSError, sqlite3.Error) as error:
        sys.stderr.write(f"{_disk_error(error, directory)} {STILL_SERVED}\n")
    else:
        return
    raise typer.Exit(1)


def _disk_error(error: OSError | sqlite3.Error, directory: Path) -> str:
    if isinstance(error, sqlite3.Error):
        full = "is full" in str(error)
        said = f"The disk of {directory} does not take what is written to it ({error})."
    else:
        full = error.errno in _FULL or (error.errno is None and "written" in str(error))  # NumPy's error has no errno
        said = f"{error.filename}: {error.strerror}." if error.filename else f"{error}."
    return f"The disk of {directory} is full: make room, and the same command resumes this one." if full else said
