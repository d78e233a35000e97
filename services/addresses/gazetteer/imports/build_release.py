"""`python -m services.addresses.gazetteer.imports.build_release DATA_DIR SEED`: ensures that a data dir has a readable live release.

Rebuilds an imported release from its stage. Without an imported release, builds the demo release from the shipped sources.

The service runs this as a separate process, so that the operating system reclaims the memory of the build. If the disk rejects the
release, it prints one line and exits with 1.
"""

import sqlite3
import sys
from pathlib import Path

from services.addresses.gazetteer.builds.demo import ensure
from services.addresses.gazetteer.files.shipped_sources import Sources

from .rebuild import rebuild


def main(data_dir: str, seed: str) -> int:
    """Build a release if the data dir needs one, and return the exit code."""
    try:
        if not rebuild(Path(data_dir)):
            ensure(Path(data_dir), Sources(), int(seed))
    except (OSError, sqlite3.Error) as error:
        sys.stderr.write(f"the address release cannot be written to {data_dir}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
