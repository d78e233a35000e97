"""Checks free disk space."""

import shutil
from pathlib import Path

from deploy.embedded.errors import OperatorError

_REMEDY = "make room or choose another directory with --data-dir"


def require_space(directory: Path, *, megabytes: int) -> None:
    """Create `directory`; raise OperatorError where it cannot be written or fewer than `megabytes` (10^6 bytes) are free."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / ".writable"
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()
        left = shutil.disk_usage(directory).free // 1_000_000
    except OSError as error:
        raise OperatorError(f"The directory {directory} cannot be written ({error.strerror}): {_REMEDY}.") from error
    if left < megabytes:
        raise OperatorError(f"The disk of {directory} has {left} MB left and {megabytes} are needed: {_REMEDY}.")
