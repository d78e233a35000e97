"""Releases on disk: immutable folders under `<data dir>/releases`, one of which `<data dir>/current` names.

A folder holds `gazetteer.sqlite3` and `manifest.json`, which says what went in, how much came out, and the SHA-256 of every file. It is
written aside and renamed whole, and `current` is replaced by a rename: a reader finds the old release or the new one, never half of one.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Self
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from services.addresses.domain import generation

from .building import Counts, build
from .sources import ATTRIBUTION, EDITION, Sources

FORMAT = 1
"""Raised whenever the file's schema or tokens change, so that an older release is not read by newer code."""
GAZETTEER = "gazetteer.sqlite3"
MANIFEST = "manifest.json"


class DamagedReleaseError(Exception):
    """A release whose files are not what its manifest says. The message names the file."""


class Recipe(BaseModel):
    """Everything that a release is made from: equal recipes make equal releases."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    sources: dict[str, str]
    """SHA-256 of each shipped file."""
    generator: int
    seed: int

    @classmethod
    def of(cls, sources: Sources, seed: int) -> Self:
        """The recipe for the shipped data and a seed of made-up premises."""
        return cls(format=FORMAT, sources=sources.hashes(), generator=generation.VERSION, seed=seed)

    @property
    def release(self) -> str:
        """The id of what it makes: the data's edition, and a hash that no other recipe shares."""
        return f"{EDITION}-{sha256(self.model_dump_json().encode()).hexdigest()[:12]}"


class File(BaseModel):
    """One file of a release."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a release is, beside its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    release: str
    recipe: Recipe
    counts: Counts
    files: dict[str, File]
    attribution: str

    @property
    def content_hash(self) -> str:
        """SHA-256 over the names and hashes of the files."""
        return sha256("".join(f"{name}\0{file.sha256}\n" for name, file in sorted(self.files.items())).encode()).hexdigest()


def current(data_dir: Path) -> tuple[Path, Manifest]:
    """The folder and manifest of the release that is live, every file of it checked against its hash.

    Raises FileNotFoundError where there is none yet, `DamagedReleaseError` where it is not what it was.
    """
    folder = data_dir / "releases" / (data_dir / "current").read_text(encoding="utf-8").strip()
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, ValidationError) as error:
        raise DamagedReleaseError(f"{folder / MANIFEST} cannot be read") from error
    for name, expected in manifest.files.items():
        if not (folder / name).is_file() or _hash(folder / name) != expected.sha256:
            raise DamagedReleaseError(f"{folder / name} is not what its manifest says")
    return folder, manifest


def ensure(data_dir: Path, sources: Sources, seed: int) -> bool:
    """Make the release of the shipped data live, building it where it is missing or damaged. True if it was built.

    Of several processes that start at once on one data dir, one builds and the others wait for it.
    """
    recipe = Recipe.of(sources, seed)
    with _alone(data_dir):
        try:
            if current(data_dir)[1].recipe == recipe:
                return False
        except (FileNotFoundError, DamagedReleaseError):
            pass
        _build(data_dir, recipe, sources)
        _switch(data_dir, recipe.release)
        return True


def _build(data_dir: Path, recipe: Recipe, sources: Sources) -> None:
    releases = data_dir / "releases"
    for abandoned in releases.glob(".building-*"):
        shutil.rmtree(abandoned)
    aside = releases / f".building-{uuid4().hex}"
    aside.mkdir(parents=True)
    try:
        counts = build(aside / GAZETTEER, sources, recipe.seed)
        files = {GAZETTEER: File(bytes=(aside / GAZETTEER).stat().st_size, sha256=_hash(aside / GAZETTEER))}
        manifest = Manifest(release=recipe.release, recipe=recipe, counts=counts, files=files, attribution=ATTRIBUTION)
        (aside / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        for path in (aside / GAZETTEER, aside / MANIFEST, aside):
            _to_disk(path)
        final = releases / recipe.release
        if final.exists():  # damaged, or not the live one: readers keep what they have open
            final.rename(releases / f".building-{uuid4().hex}")
        aside.rename(final)
        _to_disk(releases)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _switch(data_dir: Path, release: str) -> None:
    aside = data_dir / f".current-{uuid4().hex}"
    aside.write_text(release + "\n", encoding="utf-8")
    _to_disk(aside)
    aside.replace(data_dir / "current")
    _to_disk(data_dir)


@contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
