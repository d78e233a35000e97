"""Releases on disk: immutable folders under `<data dir>/releases`, one of which `<data dir>/current` names.

A folder holds the files that `building` writes and `manifest.json`, which says what went in, how much came out, and the SHA-256 of every
file. It is written aside and renamed whole, and `current` is replaced by a rename: a reader finds the old release or the new one, never
half of one. `<data dir>/activated` lists what has been live, the latest last.

Before a release is served its files are checked. Hashing reads every byte, which for millions of premises takes seconds and drives what
is in use out of memory. So a release of at most `ALWAYS_HASHED` bytes is hashed each time; a larger one is hashed once, and what its files
then were to the file system (size, inode, times of change) is kept in `<data dir>/checked`; later starts compare that, and hash what
differs.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import file_digest, sha256
from itertools import chain
from pathlib import Path
from typing import Self
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from services.addresses.domain import generation
from services.addresses.domain.changes import Change
from services.addresses.domain.editions import Edition
from services.addresses.domain.records import Blpu

from . import change_sets
from .building import Counts, build
from .diffing import differences
from .sources import EDITION, SHIPPED_EDITION, Sources

FORMAT = 5
"""Raised whenever the files or the tokens change, so that an older release is not read by newer code."""
MANIFEST = "manifest.json"
KEPT = 3
"""Releases that stay on disk: the live one and those that were live before it."""
ALWAYS_HASHED = 128_000_000
"""Bytes: a tenth of a second of hashing."""
BASE = "base"
"""Names, among what the premises of an updated release come from, the release that the update was applied to."""
IMPORTED = "imported "
"""What stands before the names of imported files among the sources of postcodes."""
DEMO_BOROUGHS = ("E09000007", "E09000012")
"""Camden and Hackney: the boroughs that made-up premises are generated for."""


class DamagedReleaseError(Exception):
    """A release whose files are not what its manifest says. The message names the file."""


class Recipe(BaseModel):
    """Everything that a release is made from: equal recipes make equal releases."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    sources: dict[str, str]
    """SHA-256 of each file that the postcodes come from; those that were imported, and made into the others, are `imported NAME`."""
    premises: dict[str, str]
    """What the premises come from: generator, seed and boroughs, or the name and SHA-256 of each imported file (and `BASE`)."""

    @classmethod
    def of(cls, sources: Sources, seed: int) -> Self:
        """The recipe for the shipped postcodes and made-up premises of two boroughs."""
        made_up = {"generator": str(generation.VERSION), "seed": str(seed), "boroughs": " ".join(DEMO_BOROUGHS)}
        return cls(sources=sources.hashes(), premises=made_up)

    @property
    def made_up(self) -> bool:
        """Whether everything is generated or shipped, so that the release can be made again at will."""
        return "generator" in self.premises and not self.imported_postcodes

    @property
    def imported_postcodes(self) -> dict[str, str]:
        """Name in `sources` and SHA-256 of each imported file of postcodes."""
        return {name: digest for name, digest in self.sources.items() if name.startswith(IMPORTED)}

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
    """What must stand where the data is shown."""
    editions: tuple[Edition, ...] = ()
    """What it was made from, the last applied last; empty in releases that were made before this was kept."""

    @property
    def content_hash(self) -> str:
        """SHA-256 over the names and hashes of the files."""
        return sha256("".join(f"{name}\0{file.sha256}\n" for name, file in sorted(self.files.items())).encode()).hexdigest()


# ------------------------------------------------------------------ reading


def current(data_dir: Path) -> tuple[Path, Manifest]:
    """The folder and manifest of the release that is live, checked.

    Raises FileNotFoundError where there is none yet, `DamagedReleaseError` where it is not what it was.
    """
    return checked(data_dir, live(data_dir))


def live(data_dir: Path) -> str:
    """The id of the release that is live. Raises FileNotFoundError where there is none yet."""
    return (data_dir / "current").read_text(encoding="utf-8").strip()


def checked(data_dir: Path, release: str) -> tuple[Path, Manifest]:
    """The folder and manifest of a release, its files what the manifest says. Raises `DamagedReleaseError`."""
    folder = folder_of(data_dir, release)
    manifest = _manifest(folder)
    seen = _seen(data_dir, release) if sum(file.bytes for file in manifest.files.values()) > ALWAYS_HASHED else {}
    for name, expected in manifest.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != expected.bytes:
            raise DamagedReleaseError(f"{path} is not what its manifest says")
        if seen.get(name) != _identity(path, expected) and _hash(path) != expected.sha256:
            raise DamagedReleaseError(f"{path} is not what its manifest says")
    _note_seen(data_dir, folder, manifest)
    return folder, manifest


def last_good(data_dir: Path) -> tuple[Path, Manifest]:
    """The latest of the releases that were live before the one that is now, and are undamaged. Raises FileNotFoundError without one."""
    for release in reversed(activated(data_dir)):
        if release != live(data_dir):
            with suppress(DamagedReleaseError):
                return checked(data_dir, release)
    raise FileNotFoundError(f"{data_dir} holds no earlier release that is undamaged")


def releases(data_dir: Path) -> list[Manifest]:
    """The manifests of all releases on disk, the oldest first. Their files are not checked."""
    folders = sorted((data_dir / "releases").glob("[!.]*"), key=lambda folder: (folder.stat().st_mtime_ns, folder.name))
    found = []
    for folder in folders:
        with suppress(DamagedReleaseError):
            found.append(_manifest(folder))
    return found


def holds_made_up(data_dir: Path, release: str) -> bool:
    """Whether a release, of whatever format and however damaged, says that its premises are generated."""
    try:
        recipe = json.loads((folder_of(data_dir, release) / MANIFEST).read_bytes())["recipe"]
        imported = any(name.startswith(IMPORTED) for name in recipe.get("sources", {}))
        return "seed" in recipe or ("generator" in recipe.get("premises", {}) and not imported)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def recipe_again(data_dir: Path, release: str) -> Recipe:
    """The recipe of a release, of whatever format and however damaged, for building it in the format of now.

    Raises FileNotFoundError or ValueError where it does not say.
    """
    said = json.loads((folder_of(data_dir, release) / MANIFEST).read_bytes())
    try:
        return Recipe(sources=said["recipe"]["sources"], premises=said["recipe"]["premises"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder_of(data_dir, release) / MANIFEST} has no recipe") from error


def editions_again(data_dir: Path, release: str) -> tuple[Edition, ...]:
    """The editions that a release was made from, of whatever format and however damaged; none where it does not say."""
    try:
        said = json.loads((folder_of(data_dir, release) / MANIFEST).read_bytes())
        return tuple(Edition.model_validate_json(json.dumps(each)) for each in said.get("editions", ()))
    except (OSError, ValueError, TypeError, AttributeError):
        return ()


def folder_of(data_dir: Path, release: str) -> Path:
    """Where a release is kept."""
    return data_dir / "releases" / release


# ------------------------------------------------------------------ writing


def ensure(data_dir: Path, sources: Sources, seed: int) -> bool:
    """Make the release of the shipped data live, building it where it is missing or damaged. True if it was built.

    Of several processes that start at once on one data dir, one builds and the others wait for it.
    """
    recipe = Recipe.of(sources, seed)
    with alone(data_dir):
        try:
            if current(data_dir)[1].recipe == recipe:
                return False
        except (FileNotFoundError, DamagedReleaseError):
            pass
        write(data_dir, recipe, generation.generate(sources.sites(DEMO_BOROUGHS), seed), sources)
        activate(data_dir, recipe.release)
        return True


def write(
    data_dir: Path, recipe: Recipe, blpus: Iterable[Blpu], sources: Sources, editions: Sequence[Edition] = (SHIPPED_EDITION,)
) -> Manifest:
    """Build a release whole and put it beside the others: see `building.build` and `write_by`."""
    return write_by(data_dir, recipe, lambda folder: build(folder, blpus, sources), editions)


def write_by(
    data_dir: Path, recipe: Recipe, fill: Callable[[Path], Counts], editions: Sequence[Edition], base: Manifest | None = None
) -> Manifest:
    """Let `fill` write the files of a release, and put it beside the others, in place of one of the same id; it is not live yet.

    Files that are links to those of `base`, which is checked, are not hashed again. Hold `alone(data_dir)` meanwhile. Where filling fails
    nothing is left.
    """
    with _links_changing(data_dir, base.release if base else None):
        return _write_by(data_dir, recipe, fill, editions, base)


def _write_by(
    data_dir: Path, recipe: Recipe, fill: Callable[[Path], Counts], editions: Sequence[Edition], base: Manifest | None
) -> Manifest:
    folder = data_dir / "releases"
    for abandoned in folder.glob(".building-*"):
        shutil.rmtree(abandoned)
    aside = folder / f".building-{uuid4().hex}"
    aside.mkdir(parents=True)
    try:
        counts = fill(aside)
        written = sorted(path for path in aside.rglob("*") if path.is_file())
        files = {(name := path.relative_to(aside).as_posix()): _file(data_dir, path, name, base) for path in written}
        named = " ".join(dict.fromkeys(each.attribution for each in (*editions, SHIPPED_EDITION) if each.attribution))
        manifest = Manifest(release=recipe.release, recipe=recipe, counts=counts, files=files, attribution=named, editions=tuple(editions))
        (aside / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        put_in_place(data_dir, aside, manifest)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return manifest


def _file(data_dir: Path, path: Path, name: str, base: Manifest | None) -> File:
    known = base.files.get(name) if base else None
    if base and known and (shared := folder_of(data_dir, base.release) / name).exists() and shared.samefile(path):
        return known
    return File(bytes=path.stat().st_size, sha256=_hash(path))


def put_in_place(data_dir: Path, aside: Path, manifest: Manifest) -> None:
    """Put a folder that is complete beside the releases, in place of one of the same id. What it holds must be what `manifest` says."""
    files = [aside / name for name in (*manifest.files, MANIFEST)]
    for path in (*files, *{path.parent for path in files}, aside):
        _to_disk(path)
    final = folder_of(data_dir, manifest.release)
    replaced = final.with_name(f".building-{uuid4().hex}")
    if final.exists():  # damaged, or not the live one: readers keep what they have open
        final.rename(replaced)
    aside.rename(final)
    _to_disk(final.parent)
    shutil.rmtree(replaced, ignore_errors=True)
    _note_seen(data_dir, final, manifest)


def activate(data_dir: Path, release: str) -> Manifest:
    """Make a release live: every replica switches to it. Hold `alone(data_dir)`. Raises `DamagedReleaseError`."""
    _, manifest = checked(data_dir, release)
    _switch(data_dir, [*activated(data_dir), release])
    return manifest


def rollback(data_dir: Path) -> Manifest:
    """Make the release live that was so before. Hold `alone(data_dir)`. Raises FileNotFoundError where none is undamaged."""
    _, manifest = last_good(data_dir)
    history = activated(data_dir)
    last = len(history) - history[::-1].index(manifest.release)
    _switch(data_dir, history[:last])
    return manifest


def follow(data_dir: Path, history: list[str]) -> None:
    """Make the last of these live, as it is elsewhere, where what it changes is told too; the others have been.

    Hold `alone(data_dir)`. Raises `DamagedReleaseError`.
    """
    checked(data_dir, history[-1])
    settle(data_dir)
    _make_live(data_dir, history)
    _prune(data_dir, history)


def changes_to(data_dir: Path, release: str) -> tuple[str, Iterator[Change]] | None:
    """The release that is live, and what a switch to another would change; None where that is nothing, nothing was live, or what was
    cannot be read any more."""
    try:
        before = live(data_dir)
        if before == release:
            return None
        _manifest(folder_of(data_dir, before))
        changes = differences(folder_of(data_dir, before), folder_of(data_dir, release))
        first = next(changes, None)
    except (OSError, ValueError, DamagedReleaseError):
        return None
    return (before, chain([first], changes)) if first else None


def settle(data_dir: Path) -> None:
    """Number the changes of a switch whose process was killed right after it. Hold `alone(data_dir)`."""
    with suppress(FileNotFoundError):
        change_sets.settle(data_dir, live(data_dir))


def _switch(data_dir: Path, history: list[str]) -> None:
    """Make the last of these live, which the others have been, and leave what that changed."""
    release = history[-1]
    settle(data_dir)
    if changed := changes_to(data_dir, release):
        before, changes = changed
        change_sets.prepare(data_dir, before, release, changes)
    _make_live(data_dir, history)
    change_sets.settle(data_dir, release)
    _prune(data_dir, history)


def _make_live(data_dir: Path, history: list[str]) -> None:
    """Name the last of these as what is live."""
    _replace(data_dir / "activated", "".join(f"{each}\n" for each in history))
    _replace(data_dir / "current", history[-1] + "\n")


def _prune(data_dir: Path, history: list[str]) -> None:
    """Remove releases that are not among the `KEPT` that were live last, but for one that was built after all of these.

    Readers that have one open keep it. What cannot be removed stays, and is tried again at the next switch.
    """
    kept = set(list(dict.fromkeys(reversed(history)))[:KEPT])
    folders = [folder for folder in (data_dir / "releases").glob("[!.]*") if folder.name not in kept]
    waiting = max(folders, key=lambda folder: folder.stat().st_mtime_ns, default=None)
    since = max((folder_of(data_dir, each).stat().st_mtime_ns for each in kept if folder_of(data_dir, each).exists()), default=0)
    going = [folder for folder in folders if folder is not waiting or folder.stat().st_mtime_ns <= since]
    with _links_changing(data_dir, *kept):
        for folder in going:
            for each in (folder, data_dir / "stages" / folder.name):
                shutil.rmtree(each, ignore_errors=True)
            (data_dir / "checked" / f"{folder.name}.json").unlink(missing_ok=True)


def activated(data_dir: Path) -> list[str]:
    """What has been live, the latest last."""
    try:
        return (data_dir / "activated").read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return []


def _manifest(folder: Path) -> Manifest:
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError) as error:
        raise DamagedReleaseError(f"{folder / MANIFEST} cannot be read") from error
    if manifest.recipe.format != FORMAT:
        raise DamagedReleaseError(f"{folder} is of format {manifest.recipe.format}, this version reads {FORMAT}")
    return manifest


def _identity(path: Path, expected: File) -> list[int | str]:
    stat = path.stat()
    return [stat.st_size, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, expected.sha256]


def _seen(data_dir: Path, release: str) -> dict[str, list[int | str]]:
    try:
        seen = json.loads((data_dir / "checked" / f"{release}.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return seen if isinstance(seen, dict) else {}


def _note_seen(data_dir: Path, folder: Path, manifest: Manifest) -> None:
    """Keep what the files are now; a data dir that cannot be written to is hashed again next time."""
    seen = {name: _identity(folder / name, file) for name, file in manifest.files.items()}
    if seen != _seen(data_dir, manifest.release):
        with suppress(OSError):
            (data_dir / "checked").mkdir(exist_ok=True)
            _replace(data_dir / "checked" / f"{manifest.release}.json", json.dumps(seen))


@contextmanager
def _links_changing(data_dir: Path, *releases: str | None) -> Iterator[None]:
    """A link that comes or goes is a change of its file to the file system: what was known of the file before is known of it then."""
    known = []
    for folder in (folder_of(data_dir, release) for release in releases if release):
        with suppress(OSError, DamagedReleaseError):
            manifest, seen = _manifest(folder), _seen(data_dir, folder.name)
            same = [name for name, file in manifest.files.items() if seen.get(name) == _identity(folder / name, file)]
            known.append((folder, manifest, seen, same))
    yield
    for folder, manifest, seen, same in known:
        with suppress(OSError):
            seen.update({name: _identity(folder / name, manifest.files[name]) for name in same})
            _replace(data_dir / "checked" / f"{folder.name}.json", json.dumps(seen))


def _replace(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}-{uuid4().hex}")
    aside.write_text(text, encoding="utf-8")
    _to_disk(aside)
    aside.replace(path)
    _to_disk(path.parent)


@contextmanager
def alone(data_dir: Path, *, wait: bool = True) -> Iterator[None]:
    """Only one process at a time builds releases in a data dir or switches them. Raises BlockingIOError where it is not to wait."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
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
