"""Make a release live once it is judged fit; go back to the one before: in the data dir, or in the store that it follows."""

import asyncio
from collections.abc import Collection
from pathlib import Path

from services.addresses.domain.releases.quality import GateResult
from services.addresses.gazetteer.distribution.release_store import SECONDS_OF_PATIENCE, ReleaseStore
from services.addresses.gazetteer.progress import Unwatched, Watch
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.manifest import Manifest
from services.addresses.gazetteer.releases.quality_gate import judge


def catch_up(store: ReleaseStore, watch: Watch) -> None:
    """Make live in the data dir what is live in the store, to begin from it. Raises BlockingIOError, `release_store.PROBLEMS`."""
    asyncio.run(store.catch_up(watch, SECONDS_OF_PATIENCE))


def go_live(
    data_dir: Path, release_id: str, accepted: Collection[str] = (), store: ReleaseStore | None = None, watch: Watch | None = None
) -> GateResult:
    """Judge a release, and switch to it if it passes; where there is a store, switch everybody. One that is live already is judged and
    stays.

    Raises BlockingIOError while another process builds or switches, `DamagedReleaseError`, OSError; with a store what its `publish` does.
    """
    with local.data_dir_lock(data_dir, wait=False):
        local.finish_activation(data_dir)
        gate_result = judge(data_dir, release_id, accepted)
        if gate_result.passed and store and not is_followed(store, release_id):
            asyncio.run(store.publish(release_id, watch or Unwatched()))
        elif gate_result.passed and not store and not is_live(data_dir, release_id):
            local.activate(data_dir, release_id)
        return gate_result


def go_back(data_dir: Path, store: ReleaseStore | None = None, watch: Watch | None = None) -> Manifest:
    """Switch to the release that was live before. Raises BlockingIOError, FileNotFoundError where there is none that is undamaged; with a
    store what its `publish_earlier` does."""
    with local.data_dir_lock(data_dir, wait=False):
        if store:
            return asyncio.run(store.publish_earlier(watch or Unwatched()))
        return local.rollback(data_dir)


def is_followed(store: ReleaseStore, release_id: str) -> bool:
    """Whether a release is the one that is live in a store, as far as the data dir has followed."""
    followed = store.followed()
    return followed is not None and followed.live.release == release_id


def is_live(data_dir: Path, release_id: str) -> bool:
    """Whether a release is the one that is served."""
    try:
        return local.live(data_dir) == release_id
    except FileNotFoundError:
        return False
