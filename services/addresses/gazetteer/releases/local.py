"""Releases on disk: immutable folders under `<data dir>/releases`; `<data dir>/current` names the live one.

A folder holds the files that `builds` writes and a manifest. A build writes it aside and renames it, and a rename replaces `current`: a
reader finds the old release or the new one, complete. `<data dir>/activated` lists the releases that were live, the latest last.
`integrity` checks files before a release is served.
"""

import fcntl
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from uuid import uuid4

from services.addresses.domain.addressbase.editions import Edition
from services.addresses.domain.releases.changes import Change
from services.addresses.gazetteer.files.atomic import replace_text, to_disk
from services.addresses.gazetteer.files.shipped_sources import SHIPPED_EDITION

from . import change_sets
from .diff import differences
from .integrity import checked, file_as_written, links_changing, note_seen
from .manifest import MANIFEST, Counts, DamagedReleaseError, Manifest, Recipe, folder_of, manifest_in

KEPT = 3
"""Releases that stay on disk: the live one and those live before it."""

# ------------------------------------------------------------------ reading


def current(data_dir: Path) -> tuple[Path, Manifest]:
    """Return the folder and manifest of the live release, checked.

    Raises FileNotFoundError if no release is live yet, `DamagedReleaseError` if its files do not match the manifest.
    """
    return checked(data_dir, live(data_dir))


def live(data_dir: Path) -> str:
    """Return the id of the live release. Raises FileNotFoundError if there is none yet."""
    return (data_dir / "current").read_text(encoding="utf-8").strip()


def last_good(data_dir: Path) -> tuple[Path, Manifest]:
    """Return the latest undamaged release that was live before the current one. Raises FileNotFoundError if there is none."""
    for release in reversed(activated(data_dir)):
        if release != live(data_dir):
            with suppress(DamagedReleaseError):
                return checked(data_dir, release)
    raise FileNotFoundError(f"{data_dir} holds no earlier release that is undamaged")


def releases(data_dir: Path) -> list[Manifest]:
    """Return the manifests of all releases on disk, the oldest first, without checking files."""
    folders = sorted((data_dir / "releases").glob("[!.]*"), key=lambda folder: (folder.stat().st_mtime_ns, folder.name))
    found = []
    for folder in folders:
        with suppress(DamagedReleaseError):
            found.append(manifest_in(folder))
    return found


# ------------------------------------------------------------------ writing


def write_by(
    data_dir: Path, recipe: Recipe, fill: Callable[[Path], Counts], editions: Sequence[Edition], base: Manifest | None = None
) -> Manifest:
    """Write a release with `fill` and put it beside the others, replacing one of the same id; does not activate it.

    Files that are hard links to those of `base`, already checked, are not hashed again. Hold `data_dir_lock`. A failed build leaves
    nothing.
    """
    with links_changing(data_dir, base.release if base else None):
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
        files = {(name := path.relative_to(aside).as_posix()): file_as_written(data_dir, path, name, base) for path in written}
        named = " ".join(dict.fromkeys(each.attribution for each in (*editions, SHIPPED_EDITION) if each.attribution))
        manifest = Manifest(release=recipe.release, recipe=recipe, counts=counts, files=files, attribution=named, editions=tuple(editions))
        (aside / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        put_in_place(data_dir, aside, manifest)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return manifest


def put_in_place(data_dir: Path, aside: Path, manifest: Manifest) -> None:
    """Move a complete folder among the releases, replacing one of the same id. Its files must match `manifest`."""
    files = [aside / name for name in (*manifest.files, MANIFEST)]
    for path in (*files, *{path.parent for path in files}, aside):
        to_disk(path)
    final = folder_of(data_dir, manifest.release)
    replaced = final.with_name(f".building-{uuid4().hex}")
    if final.exists():  # damaged, or not live; readers keep their open files
        final.rename(replaced)
    aside.rename(final)
    to_disk(final.parent)
    shutil.rmtree(replaced, ignore_errors=True)
    note_seen(data_dir, final, manifest)


def activate(data_dir: Path, release: str) -> Manifest:
    """Make a release live on every replica. Hold `data_dir_lock`. Raises `DamagedReleaseError`."""
    _, manifest = checked(data_dir, release)
    _activate(data_dir, [*activated(data_dir), release])
    return manifest


def rollback(data_dir: Path) -> Manifest:
    """Make the latest undamaged earlier release live. Hold `data_dir_lock`. Raises FileNotFoundError if there is none."""
    _, manifest = last_good(data_dir)
    history = activated(data_dir)
    last = len(history) - history[::-1].index(manifest.release)
    _activate(data_dir, history[:last])
    return manifest


def follow(data_dir: Path, history: list[str]) -> None:
    """Activate the last release in `history`, mirroring the store, without writing a change set.

    Hold `data_dir_lock`. Raises `DamagedReleaseError`.
    """
    checked(data_dir, history[-1])
    finish_activation(data_dir)
    _make_live(data_dir, history)
    _prune(data_dir, history)


def changes_to(data_dir: Path, release: str) -> tuple[str, Iterator[Change]] | None:
    """Return the live release and the changes that activating `release` would make. Returns None without changes, without a live release,
    or if the live one cannot be read."""
    try:
        before = live(data_dir)
        if before == release:
            return None
        manifest_in(folder_of(data_dir, before))
        changes = differences(folder_of(data_dir, before), folder_of(data_dir, release))
        first = next(changes, None)
    except (OSError, ValueError, DamagedReleaseError):
        return None
    return (before, chain([first], changes)) if first else None


def finish_activation(data_dir: Path) -> None:
    """Number the change set of an activation whose process was killed right after it. Hold `data_dir_lock`."""
    with suppress(FileNotFoundError):
        change_sets.number_prepared(data_dir, live(data_dir))


def _activate(data_dir: Path, history: list[str]) -> None:
    """Activate the last release in `history` and write its change set."""
    release = history[-1]
    finish_activation(data_dir)
    if changed := changes_to(data_dir, release):
        before, changes = changed
        change_sets.prepare(data_dir, before, release, changes)
    _make_live(data_dir, history)
    change_sets.number_prepared(data_dir, release)
    _prune(data_dir, history)


def _make_live(data_dir: Path, history: list[str]) -> None:
    """Write `history`, and its last release as the live one."""
    replace_text(data_dir / "activated", "".join(f"{each}\n" for each in history))
    replace_text(data_dir / "current", history[-1] + "\n")


def _prune(data_dir: Path, history: list[str]) -> None:
    """Remove releases other than the last `KEPT` live ones and the latest one built after all of these.

    Readers keep the files that they have open. The next activation retries a failed removal.
    """
    kept = set(list(dict.fromkeys(reversed(history)))[:KEPT])
    folders = [folder for folder in (data_dir / "releases").glob("[!.]*") if folder.name not in kept]
    waiting = max(folders, key=lambda folder: folder.stat().st_mtime_ns, default=None)
    since = max((folder_of(data_dir, each).stat().st_mtime_ns for each in kept if folder_of(data_dir, each).exists()), default=0)
    going = [folder for folder in folders if folder is not waiting or folder.stat().st_mtime_ns <= since]
    with links_changing(data_dir, *kept):
        for folder in going:
            for each in (folder, data_dir / "stages" / folder.name):
                shutil.rmtree(each, ignore_errors=True)
            (data_dir / "checked" / f"{folder.name}.json").unlink(missing_ok=True)


def activated(data_dir: Path) -> list[str]:
    """Return the releases that were live, the latest last."""
    try:
        return (data_dir / "activated").read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return []


@contextmanager
def data_dir_lock(data_dir: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the exclusive lock for builds and activations in a data dir. Raises BlockingIOError if it is taken and `wait` is false."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
