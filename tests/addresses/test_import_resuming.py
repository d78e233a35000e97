"""Imports that are killed or run out of disk resume and build the same release."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from services.addresses.gazetteer.imports.job import ImportOptions, Job
from services.addresses.gazetteer.imports.source_files import gather
from services.addresses.gazetteer.imports.staging import Rows
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.change_sets import change_sets
from services.addresses.gazetteer.releases.integrity import checked
from services.addresses.gazetteer.releases.stage_layers import layers_in
from services.addresses.gazetteer.releases.stages import kept_with
from services.addresses.gazetteer.serving.live import LiveRelease

from .conftest import SEED
from .import_support import Place, Unwatched, activated, held, imported, premium_file, premium_update

pytestmark = pytest.mark.platform

PROJECT = Path(__file__).parents[2]
LINES = 200
KILLED = -9
CHILD = """
import os, signal, sys
from pathlib import Path
from services.addresses.gazetteer.imports import addresses, read_rows, source_files, staging
from services.addresses.gazetteer.releases import change_sets, local
from services.addresses.gazetteer.imports.job import ImportOptions
from services.addresses.gazetteer.imports.run import import_files as run

data_dir, step, call, what = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
read_rows.LINES_A_COMMIT = source_files.LINES = staging._KEYS_A_COMMIT = 200

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

class Watch:
    now, calls = "", 0
    def step(self, name, total, unit):
        self.now, self.calls = name, 0
    def at(self, done):
        self.calls += 1
        if self.now == step and self.calls == call:
            die()

if step == "numbering":
    numbered = change_sets.number_prepared
    change_sets.number_prepared = lambda data_dir, live: die() if live == what else numbered(data_dir, live)
    with local.data_dir_lock(data_dir):
        local.activate(data_dir, what)
if step == "keeping":
    addresses.copy_postcodes = die
run(data_dir, source_files.gather([Path(what)]), ImportOptions(), Watch())
"""


def killed(data_dir: Path, step: str, call: int, what: object) -> bool:
    """Run a process that kills itself at the given report of a step; return whether it got so far."""
    command = [sys.executable, "-c", CHILD, str(data_dir), step, str(call), str(what)]
    return subprocess.run(command, check=False, cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)}).returncode == KILLED


def lines_read(place: Place, file: Path) -> int:
    """Return how many lines of a file its import has read."""
    with Rows(Job.of(place.data_dir, gather([file]), ImportOptions(), Unwatched()).folder) as rows:
        return rows.lines()


@pytest.fixture(scope="module")
def next_supply(full_supply, tmp_path_factory) -> tuple[Path, str]:
    """A full supply, and the content of the release that an import makes of it that nobody kills."""
    directory = tmp_path_factory.mktemp("next")
    file = premium_file(directory / "next.csv", full_supply.blpus[100:])
    data_dir = Path(shutil.copytree(full_supply.data_dir, directory / "copy"))
    return file, checked(data_dir, imported(data_dir, file).release)[1].content_hash


def test_an_import_that_is_killed_again_and_again_makes_the_same_release(place, next_supply):
    """In the middle of reading, of sorting, of building, and once the release is built but not what it was made from kept."""
    file, content_hash = next_supply
    lines = []
    for step, call in (("reading", 3), ("reading", 6), ("sorting", 2), ("building", 1), ("keeping", 1)):
        assert killed(place.data_dir, step, call, file)
        assert local.live(place.data_dir) == place.release
        lines.append(lines_read(place, file))
    total = file.read_bytes().count(b"\n")
    assert lines[0] < lines[1] < lines[2] == total == lines[-1]
    made = imported(place.data_dir, file)
    activated(place.data_dir, made.release)
    assert local.current(place.data_dir)[1].content_hash == content_hash
    assert held(place.data_dir) == place.blpus[100:]
    assert not list((place.data_dir / "releases").glob(".*"))
    assert not list((place.data_dir / "imports").glob("*/*.sqlite3*"))


@pytest.mark.parametrize("left", [300, 395])
def test_an_update_that_is_killed_changes_nothing_of_what_it_changes(place, tmp_path, left):
    """Neither one that is much, for which the release is built whole, nor one that is merged into the live one."""
    update = premium_update(tmp_path / "update.csv", place.blpus, place.blpus[:left])
    stage = next((place.data_dir / "stages").glob(f"{place.release}/stage.sqlite3"))
    before = stage.read_bytes()
    for step, call in (("sorting", 1), ("building", 1), ("keeping", 1)):
        assert killed(place.data_dir, step, call, update)
        assert stage.read_bytes() == before
        assert local.current(place.data_dir)[1].release == place.release
    made = imported(place.data_dir, update)
    assert held(place.data_dir, made.release) == place.blpus[:left]
    assert len(layers_in(kept_with(place.data_dir, made.release))) == (1 if left == 300 else 2)
    assert not list((place.data_dir / "releases").glob(".*"))
    assert not list((place.data_dir / "imports").glob("*/*.sqlite3*"))


def test_an_update_that_a_full_disk_ends_goes_on_and_leaves_what_is_live(place, tmp_path):
    update = premium_update(tmp_path / "update.csv", place.blpus, place.blpus[:395])
    ended = blocks(place.data_dir, "import", update, most_bytes=20_000)
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (1, "", 1)
    assert local.current(place.data_dir)[1].release == place.release
    assert held(place.data_dir, imported(place.data_dir, update).release) == place.blpus[:395]


async def test_changes_of_a_switch_that_was_killed_are_numbered_when_a_service_starts(place, next_supply):
    file, _ = next_supply
    made = imported(place.data_dir, file)
    before = change_sets(place.data_dir)
    assert killed(place.data_dir, "numbering", 1, made.release)
    assert local.live(place.data_dir) == made.release
    assert change_sets(place.data_dir) == before
    serving = LiveRelease(place.data_dir, SEED)
    await serving.open()
    assert serving.manifest.release == made.release
    await serving.close()
    assert [(each.before, each.after) for each in change_sets(place.data_dir)[len(before) :]] == [(place.release, made.release)]


def blocks(data_dir: Path, *words: object, most_bytes: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run `blocks addresses`; no file that it writes can become larger than `most_bytes`."""

    def limit() -> None:
        if most_bytes:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    command = [sys.executable, "-m", "deploy.embedded.cli", "addresses", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "ADDRESSES_DATA_DIR": str(data_dir)}
    return subprocess.run(command, check=False, cwd=PROJECT, env=environment, capture_output=True, text=True, preexec_fn=limit)


def test_a_disk_that_takes_no_more_is_one_clear_line_and_the_import_goes_on_when_it_does(place, next_supply):
    file, content_hash = next_supply
    ended = blocks(place.data_dir, "import", file, most_bytes=100_000)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert len(ended.stderr.splitlines()) == 1
    assert "The disk of" in ended.stderr
    assert "What was live is still served." in ended.stderr
    assert local.current(place.data_dir)[1].release == place.release
    made = imported(place.data_dir, file)
    assert checked(place.data_dir, made.release)[1].content_hash == content_hash
