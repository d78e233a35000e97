"""Files that two releases share are sent to a store once, and to each machine once."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.addresses.gazetteer.distribution.activation_log import Stored
from services.addresses.gazetteer.distribution.object_store import ObjectStore
from services.addresses.gazetteer.distribution.release_store import ReleaseStore
from services.addresses.gazetteer.distribution.upload import ABANDONED, SMALL, send
from services.addresses.gazetteer.progress import Unwatched
from services.addresses.gazetteer.releases import integrity as checking
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.integrity import checked
from services.addresses.gazetteer.releases.manifest import File, folder_of
from tests.support.object_servers import Line

from .import_support import held, supplied
from .store_support import Shop, catch_up, next_release

pytestmark = pytest.mark.platform


@pytest.fixture
def on_volume(place, tmp_path) -> Shop:
    (tmp_path / "volume").mkdir()
    return Shop(place, (tmp_path / "volume").as_uri(), tmp_path)


def files(data_dir: Path, first: str, second: str) -> tuple[dict[str, File], dict[str, File]]:
    """Files of the second release: those that the first has too, and the others."""
    before = {file.sha256 for file in checked(data_dir, first)[1].files.values()}
    after = checked(data_dir, second)[1].files
    shared = {name: file for name, file in after.items() if file.sha256 in before}
    return shared, {name: file for name, file in after.items() if name not in shared}


def size(some: dict[str, File], least: int = 0) -> int:
    return sum(file.bytes for file in some.values() if file.bytes >= least)


def bytes_of(line: Line, step: Callable[[], object]) -> int:
    """Return the bytes transferred during a step."""
    before = line.passed
    step()
    return line.passed - before


def activated(shop: Shop) -> tuple[Stored, ...]:
    """Return the releases that the store keeps."""
    switch = ReleaseStore(shop.place.data_dir, shop.url).followed()
    return switch.activated if switch else ()


def in_place_of(path: Path, wanted: bytes) -> bytes:
    """Write into a file, and so into all links to it; what was there."""
    before = path.read_bytes()
    with path.open("r+b") as file:
        file.write(wanted)
    return before


def test_what_two_releases_share_passes_to_a_bucket_and_from_it_once(tmp_path, bucket, line):
    shop = Shop(supplied(tmp_path / "machine", postcodes=4_000), bucket, tmp_path)  # they are most of the release
    shop.publish(shop.place.release)
    catch_up(shop.replica("here"))
    second = next_release(shop.place, "second", 3)
    shared, fresh = files(shop.place.data_dir, shop.place.release, second)

    def sent(url: str, *kept: Stored) -> int:
        return bytes_of(line, lambda: asyncio.run(send(ObjectStore(url), shop.place.data_dir, second, kept, Unwatched())))

    def fetched(name: str) -> int:
        return bytes_of(line, lambda: catch_up(shop.replica(name)))

    whole = sent(f"{shop.url}/elsewhere")
    assert whole > size(shared) + size(fresh)
    assert size(fresh) < sent(shop.url, *activated(shop)) < whole - 0.9 * size(shared, SMALL)
    shop.publish(second)
    assert size(fresh) < fetched("here") < fetched("later") - size(shared)
    assert held(shop.tmp_path / "here") == held(shop.tmp_path / "later") == shop.place.blpus[3:]


def test_a_volume_and_each_machine_hold_once_what_releases_share_and_keep_it_when_one_of_them_goes(on_volume):
    shop = on_volume
    made = [shop.place.release]
    shop.publish(made[0])
    here = shop.replica("here")
    catch_up(here)
    for left_out in (1, 2, 3):
        made.append(next_release(shop.place, f"without-{left_out}", left_out))
        shop.publish(made[-1])
        catch_up(here)
    shared, fresh = files(shop.place.data_dir, made[2], made[3])
    assert shared
    for root, pattern in ((shop.tmp_path / "volume", "-*"), (shop.tmp_path / "here", "")):
        before, after = (next(root.glob(f"releases/{each}{pattern}")) for each in made[2:])
        inodes = {path.stat().st_ino for path in before.rglob("*")}
        assert all((after / name).stat().st_ino in inodes for name, file in shared.items() if file.bytes >= SMALL)
        assert not any((after / name).stat().st_ino in inodes for name in fresh)
    assert shop.folders() == set(made[1:]), "the first is gone"
    assert catch_up(shop.replica("late")) == 4
    assert held(shop.tmp_path / "late") == held(shop.tmp_path / "here") == shop.place.blpus[3:]


def test_a_damaged_object_of_the_store_is_sent_again_not_copied(on_volume):
    shop = on_volume
    shop.publish(shop.place.release)
    [harmed] = (shop.tmp_path / "volume").glob("releases/*/postcodes.sqlite3")
    in_place_of(harmed, b"other bytes")
    shop.publish(next_release(shop.place, "second", 3))
    assert catch_up(shop.replica("here")) == 2
    assert held(shop.tmp_path / "here") == shop.place.blpus[3:]


def test_a_local_file_damaged_after_linking_is_downloaded_again(on_volume):
    shop = on_volume
    shop.publish(shop.place.release)
    here = shop.replica("here")
    catch_up(here)
    second = next_release(shop.place, "second", 3)
    shop.publish(second)
    [missing] = (shop.tmp_path / "volume").glob(f"releases/{second}-*/uprns.npy")
    aside = missing.rename(missing.with_name("elsewhere"))
    with pytest.raises(Exception, match=r"uprns\.npy"):
        catch_up(here)
    harmed = folder_of(shop.tmp_path / "here", shop.place.release) / "postcodes.sqlite3"
    [linked] = (shop.tmp_path / "here").glob("releases/.fetching-*/postcodes.sqlite3")
    assert linked.samefile(harmed)
    in_place_of(harmed, b"other bytes")
    damaged = harmed.read_bytes()
    aside.rename(missing)
    assert catch_up(here) == 2
    assert held(shop.tmp_path / "here") == shop.place.blpus[3:]
    checked(shop.tmp_path / "here", second)
    assert harmed.read_bytes() == damaged, "what a release holds is not written to"


def test_prune_keeps_the_links_of_a_release_that_is_being_sent(on_volume):
    shop = on_volume
    shop.publish(shop.place.release)
    long_ago = (datetime.now(UTC) - 2 * ABANDONED).timestamp()
    for path in (shop.tmp_path / "volume" / "releases").rglob("*"):
        os.utime(path, (long_ago, long_ago))
    begun = next_release(shop.place, "begun", 3)
    stored = asyncio.run(send(ObjectStore(shop.url), shop.place.data_dir, begun, activated(shop), Unwatched()))
    shared, _ = files(shop.place.data_dir, shop.place.release, begun)
    linked = {stored.name(name) for name, file in shared.items() if file.bytes >= SMALL}
    for name in shop.names(f"releases/{stored.folder}"):  # as it was when nothing was sent yet
        if name not in linked:
            (shop.tmp_path / "volume" / name).unlink()
    left = shop.names(f"releases/{stored.folder}")
    assert left
    shop.publish(next_release(shop.place, "meanwhile", 5))
    assert shop.names(f"releases/{stored.folder}") == left


def test_a_large_release_that_lends_files_is_not_hashed_again(shop, monkeypatch, hashed):
    shop.publish(shop.place.release)
    here = shop.replica("here")
    catch_up(here)
    monkeypatch.setattr(checking, "ALWAYS_HASHED", 0)
    second = next_release(shop.place, "second", 3)
    shop.publish(second)
    local.current(shop.tmp_path / "here")
    hashed.clear()
    assert catch_up(here) == 2
    for each in (shop.place.release, second):
        checked(shop.tmp_path / "here", each)
    assert hashed == []
