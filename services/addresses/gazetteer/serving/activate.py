"""Activates a release that passes the quality gate, and rolls back, in the data directory or in the release store."""

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
    """Activates the store's live release in the data directory. Raises BlockingIOError and `release_store.PROBLEMS`."""
    asyncio.run(store.catch_up(watch, SECONDS_OF_PATIENCE))


def go_live(
    data_dir: Path, release_id: str, accepted: Collection[str] = (), store: ReleaseStore | None = None, watch: Watch | None = None
) -> GateResult:
    """Runs the quality gate on a release and activates it if it passes; with a store, activates it for every follower.

    Leaves a release that is live already, but judges it. Raises BlockingIOError while another process builds or activates,
    `DamagedReleaseError`, OSError, and with a store the errors of `ReleaseStore.publish`.
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
    """Activates the release that was live before.

    Raises BlockingIOError, FileNotFoundError if no earlier release is intact, and with a store the errors of
    `ReleaseStore.publish_earlier`.
    """
    with local.data_dir_lock(data_dir, wait=False):
        if store:
            return asyncio.run(store.publish_earlier(watch or Unwatched()))
        return local.rollback(data_dir)


def is_followed(store: ReleaseStore, release_id: str) -> bool:
    """Tells whether a release is the store's live one, as of the data directory's last follow."""
    followed = store.followed()
    return followed is not None and followed.live.release == release_id


def is_live(data_dir: Path, release_id: str) -> bool:
    """Tells whether a release is live in the data directory."""
    try:
        return local.live(data_dir) == release_id
    except FileNotFoundError:
        return False
