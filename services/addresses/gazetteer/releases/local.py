"""Releases on disk: immutable folders under `<data dir>/releases`, one of which `<data dir>/current` names.

A folder holds the files that `builds` writes and a `manifest`. It is written aside and renamed whole, and `current` is
replaced by a rename: a reader finds the old release or the new one, never half of one. `<data dir>/activated` lists what has been live, the
latest last. Before a release is served its files are checked (`integrity`).
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
"""Releases that stay on disk: the live one and those that were live before it."""

# ------------------------------------------------------------------ reading


def current(data_dir: Path) -> tuple[Path, Manifest]:
    """The folder and manifest of the release that is live, checked.

    Raises FileNotFoundError where there is none yet, `DamagedReleaseError` where it is not what it was.
    """
    return checked(data_dir, live(data_dir))


def live(data_dir: Path) -> str:
    """The id of the release that is live. Raises FileNotFoundError where there is none yet."""
    return (data_dir / "current").read_text(encoding="utf-8").strip()


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
            found.append(manifest_in(folder))
    return found


# ------------------------------------------------------------------ writing


def write_by(
    data_dir: Path, recipe: Recipe, fill: Callable[[Path], Counts], editions: Sequence[Edition], base: Manifest | None = None
) -> Manifest:
    """Let `fill` write the files of a release, and put it beside the others, in place of one of the same id; it is not live yet.

    Files that are links to those of `base`, which is checked, are not hashed again. Hold `alone(data_dir)` meanwhile. Where filling fails
    nothing is left.
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
    """Put a folder that is complete beside the releases, in place of one of the same id. What it holds must be what `manifest` says."""
    files = [aside / name for name in (*manifest.files, MANIFEST)]
    for path in (*files, *{path.parent for path in files}, aside):
        to_disk(path)
    final = folder_of(data_dir, manifest.release)
    replaced = final.with_name(f".building-{uuid4().hex}")
    if final.exists():  # damaged, or not the live one: readers keep what they have open
        final.rename(replaced)
    aside.rename(final)
    to_disk(final.parent)
    shutil.rmtree(replaced, ignore_errors=True)
    note_seen(data_dir, final, manifest)


def activate(data_dir: Path, release: str) -> Manifest:
    """Make a release live: every replica switches to it. Hold `alone(data_dir)`. Raises `DamagedReleaseError`."""
    _, manifest = checked(data_dir, release)
    _activate(data_dir, [*activated(data_dir), release])
    return manifest


def rollback(data_dir: Path) -> Manifest:
    """Make the release live that was so before. Hold `alone(data_dir)`. Raises FileNotFoundError where none is undamaged."""
    _, manifest = last_good(data_dir)
    history = activated(data_dir)
    last = len(history) - history[::-1].index(manifest.release)
    _activate(data_dir, history[:last])
    return manifest


def follow(data_dir: Path, history: list[str]) -> None:
    """Make the last of these live, as it is elsewhere, where what it changes is told too; the others have been.

    Hold `alone(data_dir)`. Raises `DamagedReleaseError`.
    """
    checked(data_dir, history[-1])
    finish_activation(data_dir)
    _make_live(data_dir, history)
    _prune(data_dir, history)


def changes_to(data_dir: Path, release: str) -> tuple[str, Iterator[Change]] | None:
    """The release that is live, and what a switch to another would change; None where that is nothing, nothing was live, or what was
    cannot be read any more."""
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
    """Number the changes of a switch whose process was killed right after it. Hold `alone(data_dir)`."""
    with suppress(FileNotFoundError):
        change_sets.number_prepared(data_dir, live(data_dir))


def _activate(data_dir: Path, history: list[str]) -> None:
    """Make the last of these live, which the others have been, and leave what that changed."""
    release = history[-1]
    finish_activation(data_dir)
    if changed := changes_to(data_dir, release):
        before, changes = changed
        change_sets.prepare(data_dir, before, release, changes)
    _make_live(data_dir, history)
    change_sets.number_prepared(data_dir, release)
    _prune(data_dir, history)


def _make_live(data_dir: Path, history: list[str]) -> None:
    """Name the last of these as what is live."""
    replace_text(data_dir / "activated", "".join(f"{each}\n" for each in history))
    replace_text(data_dir / "current", history[-1] + "\n")


def _prune(data_dir: Path, history: list[str]) -> None:
    """Remove releases that are not among the `KEPT` that were live last, but for one that was built after all of these.

    Readers that have one open keep it. What cannot be removed stays, and is tried again at the next switch.
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
    """What has been live, the latest last."""
    try:
        return (data_dir / "activated").read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return []


@contextmanager
def data_dir_lock(data_dir: Path, *, wait: bool = True) -> Iterator[None]:
    """Only one process at a time builds releases in a data dir or switches them. Raises BlockingIOError where it is not to wait."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
