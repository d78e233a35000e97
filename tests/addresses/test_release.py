"""Releases on disk: complete, verified, activated atomically, and rebuilt from the shipped data."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.geography.postcode import PartialPostcode, Postcode
from services.addresses.domain.synthetic.generate import generate
from services.addresses.gazetteer.builds import full
from services.addresses.gazetteer.builds.demo import ensure
from services.addresses.gazetteer.builds.full import write_release
from services.addresses.gazetteer.files.shipped_sources import Sources
from services.addresses.gazetteer.releases import integrity as checking
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.local import current
from services.addresses.gazetteer.releases.manifest import DamagedReleaseError, Recipe, folder_of

from .conftest import SEED

pytestmark = pytest.mark.platform


def a_few(sources: Sources, seed: int) -> list[Blpu]:
    """Forty records."""
    return list(generate(sources.sites({"E09000012"}), seed, premises=40))


@pytest.fixture
def copy(data_dir, tmp_path) -> Path:
    """Return a copy of the data dir that a test may damage."""
    return Path(shutil.copytree(data_dir, tmp_path / "copy"))


def test_every_live_postcode_is_there_and_none_is_both_live_and_terminated(data_dir, gazetteer):
    counts = current(data_dir)[1].counts
    assert counts.postcodes == 180_754
    assert counts.terminated == 146_373 - 1_301
    assert sum(len(gazetteer.beginning_with(PartialPostcode(outward + " "), None, 100_000)) for outward in gazetteer.outwards) == 180_754
    for row in Sources().terminated():
        postcode = Postcode.parse(row.postcode)
        assert (gazetteer.postcode(postcode) is None) != (gazetteer.terminated(postcode) is None)


def test_an_existing_release_is_not_built_again(copy):
    assert ensure(copy, Sources(), SEED) is False


def test_a_changed_byte_is_detected_and_the_release_rebuilt(few_sources, tmp_path):
    assert ensure(tmp_path, few_sources, SEED) is True
    folder, before = current(tmp_path)
    file = folder / "records"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(DamagedReleaseError, match="records"):
        current(tmp_path)
    assert ensure(tmp_path, few_sources, SEED) is True
    assert current(tmp_path)[1] == before


def test_a_failed_build_keeps_the_live_release_and_leaves_no_files(copy, monkeypatch):
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = current(copy)[1]
    monkeypatch.setattr(full, "build", fails)
    with pytest.raises(OSError, match="No space"):
        ensure(copy, Sources(), SEED + 1)
    assert current(copy)[1] == before
    assert [path.name for path in (copy / "releases").iterdir()] == [before.release]


def test_a_rollback_activates_the_previous_release_and_skips_a_damaged_one(few_sources, tmp_path):
    ensure(tmp_path, few_sources, SEED)
    first = current(tmp_path)[1]
    recipe = Recipe.of(few_sources, 22)
    for seed in (21, 22):
        recipe = Recipe.of(few_sources, seed)
        write_release(tmp_path, recipe, a_few(few_sources, seed), few_sources)
        assert local.live(tmp_path) != recipe.release
        local.activate(tmp_path, recipe.release)
        assert current(tmp_path)[1].counts.premises == 40
    assert [manifest.release for manifest in local.releases(tmp_path)][-1] == recipe.release
    (folder_of(tmp_path, Recipe.of(few_sources, 21).release) / "uprns.npy").unlink()
    assert local.rollback(tmp_path).release == first.release
    assert current(tmp_path)[1] == first
    with pytest.raises(FileNotFoundError):
        local.rollback(tmp_path)


def test_a_large_release_is_hashed_again_only_where_its_files_changed(copy, monkeypatch, hashed):
    monkeypatch.setattr(checking, "ALWAYS_HASHED", 0)
    folder, _ = current(copy)
    assert "records" in hashed
    hashed.clear()
    current(copy)
    assert hashed == []
    file = folder / "records"
    content = bytearray(file.read_bytes())
    content[5] ^= 1
    file.write_bytes(content)
    with pytest.raises(DamagedReleaseError, match="records"):
        current(copy)
    assert hashed == ["records"]


def test_two_processes_that_start_at_once_build_one_release_and_the_same_recipe_gives_the_same_bytes(data_dir, tmp_path):
    command = [sys.executable, "-m", "services.addresses.gazetteer.imports.build_release", str(tmp_path), str(SEED)]
    started = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(400) for process in started] == [0, 0]
    assert len(list((tmp_path / "releases").iterdir())) == 1
    assert current(tmp_path)[1] == current(data_dir)[1]


def test_a_data_dir_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("in the way")
    command = [sys.executable, "-m", "services.addresses.gazetteer.imports.build_release", str(tmp_path / "file"), "1"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert str(tmp_path / "file") in ended.stderr
