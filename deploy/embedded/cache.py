"""The user's cache: artefacts built or fetched once a machine, outside any checkout and data directory."""

import os
from pathlib import Path


def cache_directory() -> Path:
    """Return `$XDG_CACHE_HOME/london-blocks`, or `~/.cache/london-blocks` (XDG Base Directory Specification 0.8)."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "london-blocks"
