"""Reads earlier versions of the contracts, against which consumers may have been built, from git."""

import json
import subprocess
from pathlib import Path
from typing import Any

ACCEPTED = "Contract-Break:"
"""Prefix of the line in a commit message that accepts the commit's breaking changes and gives the reason."""


def baseline(repository: Path) -> str | None:
    """Return the revision to compare with: the last tag, or the fork from main, or the parent commit.

    Return None where there is no such revision (no git, a first commit, a clone of depth one).
    """
    tag = _git(repository, "describe", "--tags", "--abbrev=0")
    if tag:
        return tag
    head = _git(repository, "rev-parse", "HEAD")
    for main in ("origin/main", "main"):
        fork = _git(repository, "merge-base", main, "HEAD")
        if fork and fork != head:
            return fork
    return _git(repository, "rev-parse", "--verify", "--quiet", "HEAD^")


def documents_at(repository: Path, revision: str) -> dict[str, dict[str, Any]]:
    """Return the contract documents of that revision, by path below `contracts/`."""
    listed = _git(repository, "ls-tree", "-r", "--name-only", revision, "contracts/openapi", "contracts/schemas") or ""
    return {
        path.removeprefix("contracts/"): json.loads(_git(repository, "show", f"{revision}:{path}") or "{}")
        for path in listed.splitlines()
        if path.endswith(".json")
    }


def accepted_since(repository: Path, revision: str) -> list[str]:
    """Return the reasons with which commits after that revision accept breaking changes."""
    messages = _git(repository, "log", "--format=%B", f"{revision}..HEAD") or ""
    return [line.removeprefix(ACCEPTED).strip() for line in messages.splitlines() if line.startswith(ACCEPTED)]


def _git(repository: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
