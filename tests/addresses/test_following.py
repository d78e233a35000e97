"""A process serves the store's live release, and keeps serving through every problem of the store."""

import asyncio
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet

from services.addresses.gazetteer.distribution.release_store import ReleaseStore
from services.addresses.gazetteer.serving.live import LiveRelease
from services.addresses.service import build
from services.addresses.settings import Settings
from services.addresses.workers.follow_release import LONGEST_PAUSE, StoreFollower
from shared.settings import Role, SettingsError
from tests.support.object_servers import KEYS

from .conftest import SEED
from .import_support import Place
from .process import environment
from .store_support import live, next_release, publish

pytestmark = pytest.mark.platform


@dataclass
class Published:
    """A volume in which the release of a full supply is live, and an empty data dir beside it."""

    place: Place
    volume: Path
    here: Path

    @property
    def url(self) -> str:
        return self.volume.as_uri()

    def next(self, name: str, left_out: int) -> str:
        made = next_release(self.place, name, left_out)
        publish(self.place.data_dir, self.url, made)
        return made


@pytest.fixture
def published(place, tmp_path) -> Published:
    volume = tmp_path / "volume"
    volume.mkdir()
    made = Published(place, volume, tmp_path / "here")
    publish(place.data_dir, made.url, place.release)
    return made


def lines(caplog, text: str) -> int:
    return sum(text in record.getMessage() for record in caplog.records)


async def test_a_process_without_a_release_says_that_it_waits_and_serves_the_first(place, tmp_path, caplog, eventually, monkeypatch):
    monkeypatch.setattr("services.addresses.gazetteer.serving.live.SECONDS_BETWEEN_TRIES", 0.05)
    url, here = (tmp_path / "volume").as_uri(), tmp_path / "here"
    opened = LiveRelease(here, SEED, ReleaseStore(here, url))
    opening = asyncio.create_task(opened.open())
    await eventually(lambda: lines(caplog, f"waiting for a release: {url} is not there: the volume is not mounted"))
    (tmp_path / "volume").mkdir()
    await eventually(lambda: lines(caplog, f"waiting for a first release in {url}"))
    await asyncio.to_thread(publish, place.data_dir, url, place.release)
    await asyncio.wait_for(opening, 20)
    assert opened.manifest.release == place.release
    assert (lines(caplog, "waiting for a release:"), lines(caplog, "waiting for a first release")) == (1, 1), "each is said once"
    await opened.close()


async def test_a_process_that_only_answers_follows_the_store_and_serves_on_without_it(serve, settings, published, caplog, eventually):
    await ReleaseStore(published.here, published.url).catch_up()
    away = published.volume.rename(published.volume.with_name("away"))
    config = settings(Settings, data_dir=published.here, releases=published.url, releases_poll_seconds=0.1, role=Role.API)
    async with serve(build(config)) as running:

        async def ready() -> bool:
            return bool((await running.http.get("/ready")).status_code == 200)

        await eventually(lambda: lines(caplog, "the volume is not mounted"))
        assert await ready()
        away.rename(published.volume)
        second = await asyncio.to_thread(published.next, "second", 3)
        await eventually(lambda: live(published.here) == second, seconds=30)
        served = running.service.app.state.provided[LiveRelease]
        await eventually(lambda: served.manifest.release == second, seconds=30)
        assert await ready()
    assert lines(caplog, "the volume is not mounted") == 1, "however often it looked"
    assert lines(caplog, "can be followed again") == 1


async def test_the_service_waits_for_a_first_release_in_a_bucket_serves_it_and_ends_while_it_waits(
    bucket, place, settings, tmp_path, eventually
):
    config = settings(Settings, data_dir=tmp_path / "here", releases=bucket, releases_poll_seconds=0.2)
    log = (tmp_path / "log").open("w+")

    async def started() -> asyncio.subprocess.Process:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.addresses"), env=environment(config), stdout=log, stderr=log
        )
        await eventually(lambda: "waiting for a first release in s3://" in (tmp_path / "log").read_text(), seconds=60)
        return child

    waiting = await started()
    waiting.terminate()
    assert await asyncio.wait_for(waiting.wait(), 10) == 0
    serving = await started()
    try:
        await asyncio.to_thread(publish, place.data_dir, bucket, place.release)
        async with httpx.AsyncClient() as http:

            async def ready() -> bool:
                with suppress(httpx.TransportError):
                    return (await http.get(f"http://127.0.0.1:{config.port}/ready")).status_code == 200
                return False

            await eventually(ready, seconds=60)
            second = await asyncio.to_thread(next_release, place, "second", 3)
            await asyncio.to_thread(publish, place.data_dir, bucket, second)
            await eventually(lambda: f"serving release {second}" in (tmp_path / "log").read_text(), seconds=60)
    finally:
        serving.terminate()
        await asyncio.wait_for(serving.wait(), 20)
    said = (tmp_path / "log").read_text()
    assert f"serving release {place.release}" in said
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in said
    assert "Traceback" not in said


async def test_a_store_problem_is_logged_once_and_retried_with_growing_delays(published, caplog):
    store, at = ReleaseStore(published.here, published.url), [0.0]
    follower = StoreFollower(store, lambda: None, seconds_between_looks=10, clock=lambda: at[0])
    await follower.step()
    second = await asyncio.to_thread(published.next, "second", 3)
    [harmed] = published.volume.glob(f"releases/{second}-*/uprns.npy")
    good = harmed.read_bytes()
    harmed.write_bytes(b"\0" * len(good))
    for _ in range(200):
        at[0] += 10
        await follower.step()
    assert follower.seconds_failing > LONGEST_PAUSE
    assert lines(caplog, "uprns.npy is not what its manifest says") == 1
    assert live(published.here) == published.place.release
    harmed.write_bytes(good)
    at[0] += LONGEST_PAUSE
    await follower.step()
    assert (follower.seconds_failing, live(published.here)) == (0, second)


async def test_in_place_of_a_damaged_release_the_one_before_is_served_until_it_is_fetched_again(published):
    store = ReleaseStore(published.here, published.url)
    await store.catch_up()
    second = await asyncio.to_thread(published.next, "second", 3)
    await store.catch_up()
    (published.here / "releases" / second / "uprns.npy").write_bytes(b"")
    again = ReleaseStore(published.here, published.url)
    opened = LiveRelease(published.here, SEED, again)
    await opened.open()
    assert opened.manifest.release == published.place.release
    await again.catch_up()
    assert await opened.follow()
    assert opened.manifest.release == second
    await opened.close()


async def test_a_damaged_release_without_another_is_fetched_again(published):
    await ReleaseStore(published.here, published.url).catch_up()
    (published.here / "releases" / published.place.release / "uprns.npy").write_bytes(b"")
    opened = LiveRelease(published.here, SEED, ReleaseStore(published.here, published.url))
    await asyncio.wait_for(opened.open(), 20)
    assert opened.manifest.release == published.place.release
    await opened.close()


async def test_of_replicas_that_share_a_data_dir_one_fetches(published):
    replicas = [ReleaseStore(published.here, published.url) for _ in range(3)]
    results = await asyncio.gather(*(replica.catch_up() for replica in replicas), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Activation", "BlockingIOError", "BlockingIOError"]
    assert live(published.here) == published.place.release


def test_a_wrong_place_of_releases_is_a_wrong_setting_that_is_not_repeated(monkeypatch):
    monkeypatch.setenv("ADDRESSES_SECRET_KEY", Fernet.generate_key().decode())
    monkeypatch.setenv("ADDRESSES_RELEASES", "s3://key:secret@bucket/x")
    with pytest.raises(SettingsError, match=r"ADDRESSES_RELEASES: .*keys and endpoint go into the AWS_") as refused:
        Settings.load()
    assert "secret" not in str(refused.value)


def test_a_store_of_its_own_is_followed_from_its_beginning(published, tmp_path):
    asyncio.run(ReleaseStore(published.here, published.url).catch_up())
    moved = Path(shutil.copytree(published.volume, tmp_path / "moved")).as_uri()
    switch = asyncio.run(ReleaseStore(published.here, moved).catch_up())
    assert (switch and switch.number, live(published.here)) == (1, published.place.release)
