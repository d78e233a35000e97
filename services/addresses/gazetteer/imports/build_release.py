"""`python -m services.addresses.gazetteer.imports.build_release DATA_DIR SEED`: make a release live in a data dir that can be served.

An imported one is built again from what it was imported from; without, that of the shipped data is built.

The service runs this as a process of its own, so that what building needs is given back. Exits with 1 and one line where the disk
does not take the release.
"""

import sqlite3
import sys
from pathlib import Path

from services.addresses.gazetteer.builds.demo import ensure
from services.addresses.gazetteer.files.shipped_sources import Sources

from .rebuild import rebuild


def main(data_dir: str, seed: str) -> int:
    """Build if needed; the exit code."""
    try:
        if not rebuild(Path(data_dir)):
            ensure(Path(data_dir), Sources(), int(seed))
    except (OSError, sqlite3.Error) as error:
        sys.stderr.write(f"the address release cannot be written to {data_dir}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
