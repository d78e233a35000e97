"""Make a release live once it is judged fit; go back to the one before."""

from collections.abc import Collection
from pathlib import Path

from . import release
from .gate import Verdict, judge
from .release import Manifest


def go_live(data_dir: Path, release_id: str, accepted: Collection[str] = ()) -> Verdict:
    """Judge a release, and switch to it if it passes. One that is live already is judged and stays.

    Raises BlockingIOError while another process builds or switches, `DamagedReleaseError`, OSError.
    """
    with release.alone(data_dir, wait=False):
        release.settle(data_dir)
        verdict = judge(data_dir, release_id, accepted)
        if verdict.passed and not is_live(data_dir, release_id):
            release.activate(data_dir, release_id)
        return verdict


def go_back(data_dir: Path) -> Manifest:
    """Switch to the release that was live before. Raises BlockingIOError, FileNotFoundError where there is none that is undamaged."""
    with release.alone(data_dir, wait=False):
        return release.rollback(data_dir)


def is_live(data_dir: Path, release_id: str) -> bool:
    """Whether a release is the one that is served."""
    try:
        return release.live(data_dir) == release_id
    except FileNotFoundError:
        return False
