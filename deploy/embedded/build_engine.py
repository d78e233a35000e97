"""Builds the fast database server once a machine: `python -m deploy.embedded.build_engine`, or `make engine`.

Cargo compiles it (about four minutes on two cores) into a cache outside the checkout; a second call finds it there.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable

from deploy.embedded.engines.secantus import FAST_ENGINE_VERSION, fast_engine_binary, fast_engine_is_built, fast_engine_root
from deploy.embedded.errors import OperatorError

_CRATE = "secantus-mdb"
_NEEDED = {"cargo": "rustup or the package `cargo`", "cmake": "the package `cmake`", "ninja": "the package `ninja-build`"}


def build(say: Callable[[str], None] = print) -> None:
    """Build the server unless it is built; cargo writes its progress to the terminal.

    Raises OperatorError where a tool is missing or cargo fails.
    """
    if fast_engine_is_built():
        say(f"The fast database server is already built: {fast_engine_binary()}")
        return
    missing = [f"{tool} ({source})" for tool, source in _NEEDED.items() if shutil.which(tool) is None]
    if missing:
        raise OperatorError(f"Building the fast database server needs {', '.join(missing)}; without it everything runs on --engine python.")
    say(f"Building {_CRATE} {FAST_ENGINE_VERSION} into {fast_engine_root()} (some minutes)")
    arguments = [
        "install",
        _CRATE,
        "--version",
        FAST_ENGINE_VERSION,
        "--ignore-rust-version",
        "--locked",
        "--root",
        str(fast_engine_root()),
    ]
    if subprocess.run(["cargo", *arguments], check=False).returncode != 0:
        raise OperatorError("cargo could not build the fast database server (its reasons are above); --engine python needs no build.")
    say(f"Built: `blocks up` uses it from now on ({fast_engine_binary()})")


def main() -> None:
    """Run the command; exit with one line where the build fails."""
    try:
        build()
    except OperatorError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
