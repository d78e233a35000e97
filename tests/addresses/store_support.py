"""What the tests of the store of releases share."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from services.addresses.gazetteer.distribution.object_store import ObjectStore
from services.addresses.gazetteer.distribution.release_store import ReleaseStore
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.serving.activate import go_back, go_live

from .import_support import Place, imported, premium_update

PROJECT = Path(__file__).parents[2]


def next_release(place: Place, name: str, left_out: int) -> str:
    """Another release in the data dir of a place, not live: that of the full supply without the first so many."""
    update = premium_update(place.data_dir / f"{name}.csv", place.blpus, place.blpus[left_out:])
    return imported(place.data_dir, update).release


def publish(data_dir: Path, url: str, release_id: str) -> None:
    """As `blocks addresses activate` does, whatever the gate says."""
    gate_result = go_live(data_dir, release_id, ("retired", "borough-loss", "orphans"), ReleaseStore(data_dir, url))
    assert gate_result.passed


def go_back_everywhere(data_dir: Path, url: str) -> str:
    """As `blocks addresses rollback` does."""
    return go_back(data_dir, ReleaseStore(data_dir, url)).release


def live(data_dir: Path) -> str | None:
    """What is live in a data dir."""
    try:
        return local.live(data_dir)
    except FileNotFoundError:
        return None


@dataclass
class Shop:
    """A store, and the machine that publishes to it."""

    place: Place
    url: str
    tmp_path: Path

    def publish(self, release_id: str) -> None:
        publish(self.place.data_dir, self.url, release_id)

    def replica(self, name: str) -> ReleaseStore:
        return ReleaseStore(self.tmp_path / name, self.url)

    def names(self, folder: str) -> list[str]:
        return sorted(asyncio.run(ObjectStore(self.url).list(folder)))

    def folders(self) -> set[str]:
        return {name.split("/")[1].rpartition("-")[0] for name in self.names("releases")}


def catch_up(replica: ReleaseStore) -> int:
    """Bring a data dir to what is live in the store; the number of that switch, 0 where there is none."""
    switch = asyncio.run(replica.catch_up())
    return switch.number if switch else 0


CATCH_UP = """
import asyncio, pathlib, resource, sys
from services.addresses.gazetteer.distribution.release_store import ReleaseStore
data_dir, url, most = sys.argv[1:]
if int(most):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), int(most)))
asyncio.run(ReleaseStore(pathlib.Path(data_dir), url).catch_up())
"""


def catching_up(data_dir: Path, url: str, *, largest_file: int = 0) -> subprocess.Popen[str]:
    """A process that brings a data dir to what is live in a store; where `largest_file` is given, on a disk that takes no larger one."""
    return _process(data_dir, "-c", CATCH_UP, str(data_dir), url, str(largest_file))


def activating(data_dir: Path, url: str, release_id: str) -> subprocess.Popen[str]:
    """`blocks addresses activate`, as a process."""
    command = ("-m", "deploy.embedded.cli", "addresses", "activate", release_id)
    return _process(data_dir, *command, ADDRESSES_RELEASES=url)


def _process(data_dir: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "ADDRESSES_DATA_DIR": str(data_dir), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_as_in_a_terminal,  # noqa: PLW1509  (it takes no lock)
    )


def _as_in_a_terminal() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
