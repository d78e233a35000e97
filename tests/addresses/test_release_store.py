"""Releases pass through a store from one machine to many: an S3 bucket, or a mounted volume."""

import asyncio
import json
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from services.addresses.gazetteer.distribution.activation_log import CrossedError
from services.addresses.gazetteer.distribution.object_store import ObjectStore, StoreError
from services.addresses.gazetteer.distribution.release_store import ReleaseStore
from services.addresses.gazetteer.progress import Unwatched
from services.addresses.gazetteer.releases.change_sets import change_sets
from services.addresses.gazetteer.releases.manifest import folder_of, manifest_in
from services.addresses.settings import Settings
from services.addresses.store import Store
from services.addresses.workers.publish_changes import Publisher
from tests.support.service_runner import eventually

from .import_support import held
from .store_support import Shop, activating, catch_up, catching_up, go_back_everywhere, live, next_release, publish

pytestmark = pytest.mark.platform


def test_a_published_release_and_a_rollback_are_live_on_every_machine(shop):
    here, there = shop.replica("here"), shop.replica("there")
    assert catch_up(here) == 0
    shop.publish(shop.place.release)
    second = next_release(shop.place, "second", 3)
    assert catch_up(here) == 1
    assert held(shop.tmp_path / "here") == shop.place.blpus
    shop.publish(second)
    assert [catch_up(here), catch_up(there)] == [2, 2]
    for data_dir in (shop.place.data_dir, shop.tmp_path / "here", shop.tmp_path / "there"):
        assert (live(data_dir), held(data_dir)) == (second, shop.place.blpus[3:])
    assert go_back_everywhere(shop.place.data_dir, shop.url) == shop.place.release
    assert [catch_up(here), catch_up(there)] == [3, 3]
    assert live(shop.tmp_path / "here") == live(shop.tmp_path / "there") == shop.place.release


def test_a_release_is_the_same_on_every_machine_with_the_day_on_which_it_was_made(shop):
    shop.publish(shop.place.release)
    catch_up(shop.replica("here"))
    folders = [folder_of(data_dir, shop.place.release) for data_dir in (shop.place.data_dir, shop.tmp_path / "here")]
    first, second = ({path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()} for folder in folders)
    assert first == second
    made, fetched = (folder.joinpath("manifest.json").stat().st_mtime for folder in folders)
    assert fetched == pytest.approx(made, abs=0.001)


def test_any_machine_can_roll_back_to_a_release_it_never_had(shop):
    shop.publish(shop.place.release)
    shop.publish(next_release(shop.place, "second", 3))
    other = shop.replica("other")
    assert catch_up(other) == 2
    assert not folder_of(shop.tmp_path / "other", shop.place.release).exists()
    assert go_back_everywhere(shop.tmp_path / "other", shop.url) == shop.place.release
    assert catch_up(ReleaseStore(shop.place.data_dir, shop.url)) == 3
    assert live(shop.place.data_dir) == shop.place.release


def test_three_releases_stay_in_the_store_and_what_a_killed_publisher_left_goes_after_a_day(shop):
    made = [shop.place.release]
    shop.publish(shop.place.release)
    for left_out in (1, 2, 3):
        made.append(next_release(shop.place, f"without-{left_out}", left_out))
        shop.publish(made[-1])
    assert shop.folders() == set(made[1:])
    assert catch_up(shop.replica("late")) == 4
    assert len(change_sets(shop.replica("late").folder)) == 3


def test_of_two_concurrent_publishers_one_activates_and_the_other_gets_an_error(shop):
    shop.publish(shop.place.release)
    other = replace(shop.place, data_dir=Path(shutil.copytree(shop.place.data_dir, shop.tmp_path / "other")))
    mine, theirs = next_release(shop.place, "mine", 3), next_release(other, "theirs", 5)

    async def both() -> list[object]:
        publishing = [
            ReleaseStore(shop.place.data_dir, shop.url).publish(mine, Unwatched()),
            ReleaseStore(other.data_dir, shop.url).publish(theirs, Unwatched()),
        ]
        return await asyncio.gather(*publishing, return_exceptions=True)

    results = asyncio.run(both())
    assert sorted(type(result).__name__ for result in results) == ["CrossedError", "NoneType"]
    won, lost = (mine, other) if results[0] is None else (theirs, shop.place)
    assert shop.names("switches") == ["switches/000001.json", "switches/000002.json"]
    assert live(lost.data_dir) == shop.place.release, "who lost has changed nothing"
    assert catch_up(ReleaseStore(lost.data_dir, shop.url)) == 2
    assert live(lost.data_dir) == won


def test_a_publisher_that_missed_the_last_activation_cannot_activate(shop):
    shop.publish(shop.place.release)
    other = replace(shop.place, data_dir=Path(shutil.copytree(shop.place.data_dir, shop.tmp_path / "other")))
    shop.publish(next_release(shop.place, "mine", 3))
    theirs = next_release(other, "theirs", 5)
    with pytest.raises(CrossedError):
        publish(other.data_dir, shop.url, theirs)
    assert shop.names("switches") == ["switches/000001.json", "switches/000002.json"]


async def test_each_switch_is_published_once_although_replicas_with_data_dirs_of_their_own_follow(place, tmp_path, settings):
    (tmp_path / "volume").mkdir()
    url = (tmp_path / "volume").as_uri()
    removed = (3, 5, 3)

    def publish_all() -> None:
        publish(place.data_dir, url, place.release)
        for count in removed[:2]:
            publish(place.data_dir, url, next_release(place, f"without-{count}", count))
        go_back_everywhere(place.data_dir, url)

    await asyncio.to_thread(publish_all)
    store = await Store(settings(Settings)).start()
    replicas = [ReleaseStore(tmp_path / name, url) for name in ("here", "there")]
    for replica in replicas:
        await replica.catch_up()
    publishers = [Publisher(store, tmp_path / name, replica.folder) for name, replica in zip(("here", "there"), replicas, strict=True)]
    quiet = 0
    while quiet < 3:
        quiet = 0 if any(await asyncio.gather(*(publisher.step() for publisher in publishers))) else quiet + 1
    rows = await store.collection("changes").find({}, sort=[("position", 1)])
    known = await store.collection("change_sets").find({}, sort=[("_id", 1)])
    published = await store.collection("outbox").count({})
    await store.close()
    assert [len(row["changes"]) for row in rows] == [3, 2, 2], "three go, two more go, two come back"
    assert published == 3
    assert [row["_id"].split(":")[:2] for row in known] == [["store", "2"], ["store", "3"], ["store", "4"]]


def test_a_machine_that_was_killed_between_the_stores_switch_and_its_own_ends_it_at_the_next_look(shop):
    shop.publish(shop.place.release)
    second = next_release(shop.place, "second", 3)
    before = shutil.copytree(shop.place.data_dir, shop.tmp_path / "as it was")
    shop.publish(second)
    assert live(before) == shop.place.release
    assert catch_up(ReleaseStore(before, shop.url)) == 2
    assert live(before) == second
    assert [each.number for each in change_sets(ReleaseStore(before, shop.url).folder)] == [2]


@pytest.mark.parametrize("harm", ["other bytes", "cut off", "gone"])
def test_a_wrong_object_is_not_served_and_the_right_one_is_once_it_is_there(place, tmp_path, harm):
    (tmp_path / "volume").mkdir()
    shop = Shop(place, (tmp_path / "volume").as_uri(), tmp_path)
    shop.publish(place.release)
    replica = shop.replica("here")
    catch_up(replica)
    second = next_release(place, "second", 3)
    shop.publish(second)
    [harmed] = (tmp_path / "volume").glob(f"releases/{second}-*/uprns.npy")
    good = harmed.read_bytes()
    if harm == "gone":
        harmed.unlink()
    else:
        harmed.write_bytes(good[:-8] if harm == "cut off" else good[:-8] + b"\0" * 8)
    for _ in range(2):
        with pytest.raises(Exception, match=r"uprns\.npy"):
            catch_up(replica)
        assert (live(tmp_path / "here"), held(tmp_path / "here")) == (place.release, place.blpus)
    harmed.write_bytes(good)
    assert catch_up(replica) == 2
    assert live(tmp_path / "here") == second


def test_a_manifest_that_names_files_outside_of_its_folder_is_refused(place, tmp_path):
    (tmp_path / "volume").mkdir()
    shop = Shop(place, (tmp_path / "volume").as_uri(), tmp_path)
    shop.publish(place.release)
    [manifest] = (tmp_path / "volume").glob("releases/*/manifest.json")
    harmed = manifest.read_text().replace('"uprns.npy"', '"../../escaped"').encode()
    manifest.write_bytes(harmed)
    [switch] = (tmp_path / "volume").glob("switches/*")
    said = json.loads(switch.read_text())
    said["activated"][0]["manifest"] = {"bytes": len(harmed), "sha256": sha256(harmed).hexdigest()}
    switch.write_text(json.dumps(said))
    with pytest.raises(Exception, match="outside of its folder"):
        catch_up(shop.replica("here"))
    assert not (tmp_path / "here" / "escaped").exists()


async def test_a_publisher_killed_in_the_middle_sends_only_the_rest_the_next_time(in_bucket, line):
    line.hold_after(100_000)
    publishing = activating(in_bucket.place.data_dir, in_bucket.url, in_bucket.place.release)
    await eventually(lambda: line.holds, seconds=60)
    publishing.kill()
    publishing.communicate()
    line.open()
    objects = ObjectStore(in_bucket.url)
    left = await objects.list("releases")
    assert await objects.list("switches") == {}
    assert await ReleaseStore(in_bucket.tmp_path / "here", in_bucket.url).catch_up() is None
    again = activating(in_bucket.place.data_dir, in_bucket.url, in_bucket.place.release)
    out, err = await asyncio.to_thread(again.communicate, timeout=60)
    assert again.returncode == 0, out + err
    now = await objects.list("releases")
    assert 0 < len(left) < len(now)
    assert {name: now[name] for name in left} == left, "what was there was not sent again"
    here = ReleaseStore(in_bucket.tmp_path / "here", in_bucket.url)
    assert (await here.catch_up()).number == 1  # type: ignore[union-attr]
    assert held(in_bucket.tmp_path / "here") == in_bucket.place.blpus


async def test_a_replica_killed_in_the_middle_fetches_only_the_rest_the_next_time(in_bucket, line):
    await asyncio.to_thread(in_bucket.publish, in_bucket.place.release)
    size = sum(each.bytes for each in (await ObjectStore(in_bucket.url).list("releases")).values())
    here = in_bucket.tmp_path / "here"
    line.hold_after(size // 2)
    fetching = catching_up(here, in_bucket.url)
    await eventually(lambda: line.holds, seconds=60)
    fetching.kill()
    fetching.communicate()
    assert live(here) is None
    [aside] = (here / "releases").iterdir()
    assert aside.name.startswith(".fetching-"), "it is not taken for a release"
    left = {path.name: path.stat() for path in aside.rglob("*") if path.is_file() and path.stat().st_size}
    line.open()
    assert (await ReleaseStore(here, in_bucket.url).catch_up()).number == 1  # type: ignore[union-attr]
    assert held(here) == in_bucket.place.blpus
    [folder] = (here / "releases").iterdir()
    now = {path.name: path.stat() for path in folder.rglob("*") if path.is_file()}
    assert 0 < len(left) < len(now)
    for name, before in left.items():
        assert (now[name].st_ino, now[name].st_mtime_ns) == (before.st_ino, before.st_mtime_ns), "what was there was not fetched again"


def test_a_full_disk_leaves_what_was_live(shop):
    shop.publish(shop.place.release)
    catch_up(shop.replica("here"))
    second = next_release(shop.place, "second", 3)
    shop.publish(second)
    there, own = (manifest_in(folder_of(shop.place.data_dir, name)).files for name in (shop.place.release, second))
    largest = max(file.bytes for file in set(own.values()) - set(there.values()))
    fetching = catching_up(shop.tmp_path / "here", shop.url, largest_file=largest // 2)
    _, said = fetching.communicate(timeout=60)
    assert (fetching.returncode, live(shop.tmp_path / "here")) == (1, shop.place.release)
    assert "File too large" in said
    assert held(shop.tmp_path / "here") == shop.place.blpus
    assert catch_up(shop.replica("here")) == 2


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://key:secret@bucket/x", "keys and endpoint go into"),
        ("s3:///x", "give s3://bucket/prefix"),
        ("https://bucket.example/x", "give s3://bucket/prefix"),
        ("file://host/x", "give s3://bucket/prefix"),
        ("s3://bucket/x?key=secret", "keys and endpoint go into"),
    ],
)
def test_a_url_that_names_no_store_is_refused_without_repeating_it(url, said):
    with pytest.raises(ValueError, match=said) as refused:
        ReleaseStore(Path(), url)
    assert "secret" not in str(refused.value)


async def test_a_store_error_is_one_plain_line(bucket, line, monkeypatch, tmp_path):
    replica = ReleaseStore(tmp_path, bucket)
    line.cut()
    with pytest.raises(StoreError, match=r"^s3://bucket-[0-9a-f]+/addresses/london does not answer$"):
        await replica.catch_up()
    line.open()
    with pytest.raises(StoreError, match="there is no such bucket"):
        await ReleaseStore(tmp_path, "s3://no-such-bucket/x").catch_up()
    with pytest.raises(StoreError, match="the volume is not mounted"):
        await ReleaseStore(tmp_path, (tmp_path / "nowhere").as_uri()).catch_up()


def test_an_emptied_store_is_distinguished_from_one_without_news(shop):
    shop.publish(shop.place.release)
    replica = shop.replica("here")
    catch_up(replica)
    asyncio.run(ObjectStore(shop.url).delete(shop.names("switches")))
    with pytest.raises(StoreError, match="does not hold the switch 1"):
        catch_up(replica)
    assert live(shop.tmp_path / "here") == shop.place.release
