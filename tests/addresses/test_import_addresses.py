"""Imports of address files: what is live afterwards is what the files say, and nothing is until it is switched to."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from services.addresses.adapters import release
from services.addresses.adapters.release import current

from .import_support import Place, activated, begin, held, imported, made_up, premium_file, premium_update, retired


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Place:
    """A full supply that is live."""
    data_dir = tmp_path_factory.mktemp("imports")
    sources = begin(data_dir)
    blpus = made_up(sources)
    file = premium_file(data_dir / "full.csv", blpus)
    made = imported(data_dir, file)
    activated(data_dir, made.release)
    return Place(data_dir, sources, blpus, file, made.release)


@pytest.fixture
def place(original, tmp_path) -> Place:
    """A copy of it that may be changed."""
    return replace(original, data_dir=Path(shutil.copytree(original.data_dir, tmp_path / "copy")))


def test_a_full_supply_is_held_as_the_file_says(original):
    assert held(original.data_dir) == original.blpus
    assert current(original.data_dir)[1].recipe.premises["0001 full.csv"]


def test_a_change_only_update_leaves_what_a_full_supply_of_the_same_would(place, tmp_path):
    before = place.blpus
    after = [retired(before[0], before[1].uprn), *before[1:5], replace(before[5], organisation="QUILL AND SONS"), *before[7:]]
    update = premium_update(tmp_path / "update.csv", before, after)
    made = imported(place.data_dir, update)
    assert (made.supply, made.bad_rows, made.incomplete) == ("update", 0, 0)
    assert release.live(place.data_dir) == place.release
    activated(place.data_dir, made.release)
    assert held(place.data_dir) == after
