"""`blocks addresses import`, `releases`, `activate`, `rollback`: what an operator and a script see."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.embedded.cli import app
from services.addresses.domain.geography.postcode import Postcode
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.manifest import folder_of
from services.addresses.gazetteer.releases.stage_layers import layers_in
from services.addresses.gazetteer.releases.stages import kept_with
from services.addresses.gazetteer.search.gazetteer import Gazetteer
from services.addresses.gazetteer.serving.live import LiveRelease
from services.addresses.service import build
from services.addresses.settings import Settings
from shared.service import StartError
from tests.support.service_runner import eventually

from .conftest import SEED
from .import_support import CAMDEN, Place, activated, held, imported, premium_file, premium_update

pytestmark = pytest.mark.platform

PROJECT = Path(__file__).parents[2]


def started(data_dir: Path, *words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "deploy.embedded.cli", "addresses", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "ADDRESSES_DATA_DIR": str(data_dir)}
    return subprocess.Popen(
        command,
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_interruptible,  # noqa: PLW1509  (it takes no lock)
    )


def _interruptible() -> None:
    """A run of tests in the background ignores Ctrl-C, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def not_nicer(monkeypatch):
    """The tests after these are not to run at the pace of an import."""
    monkeypatch.setattr("os.nice", lambda by: by)


def blocks(data_dir: Path, *words: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    ended = CliRunner().invoke(app, ["addresses", *map(str, words)], env={"ADDRESSES_DATA_DIR": str(data_dir)})
    return ended.exit_code, ended.stdout, ended.stderr


def as_json(data_dir: Path, *words: object) -> Any:
    code, out, err = blocks(data_dir, *words, "--json")
    assert code == 0, out + err
    return json.loads(out)


def test_an_import_goes_live_a_replica_follows_and_a_rollback_brings_the_old_one_back(place, tmp_path):
    update = premium_update(tmp_path / "update.csv", place.blpus, place.blpus[3:])
    said = as_json(place.data_dir, "import", update, "--activate")
    assert (said["supply"], said["bad_rows"], said["live"]) == ("update", 0, True)
    assert said["checks"]["passed"]
    assert Path(said["folder"], "report.html").exists()
    assert held(place.data_dir) == place.blpus[3:]
    code, out, _ = blocks(place.data_dir, "import", update, "--activate")
    assert (code, out) == (0, f"These files are live already: release {said['release']}.\n")
    found = as_json(place.data_dir, "releases")
    assert [each["release"] for each in found if each["live"]] == [said["release"]]
    assert found[-1]["from"] == f"{place.release} and update.csv"
    assert as_json(place.data_dir, "rollback")["release"] == place.release
    assert held(place.data_dir) == place.blpus


def test_a_release_that_fails_a_check_is_not_activated_and_the_exit_code_says_so(place, tmp_path):
    supply = premium_file(tmp_path / "camden.csv", [blpu for blpu in place.blpus if blpu.borough == CAMDEN])
    code, out, err = blocks(place.data_dir, "import", supply, "--activate")
    assert code == 1
    assert err == ""
    assert "borough-loss" in out
    assert "FAILED" in out
    assert "does not go live" in out
    assert local.live(place.data_dir) == place.release
    made = local.releases(place.data_dir)[-1].release
    assert blocks(place.data_dir, "activate", made)[0] == 1
    assert blocks(place.data_dir, "activate", made, "--accept", "nonsense")[2].startswith(
        "There is no check 'nonsense' to accept: there are"
    )
    accepted = ("--accept", "borough-loss", "--accept", "retired")
    assert as_json(place.data_dir, "activate", made, *accepted)["live"]
    assert local.live(place.data_dir) == made


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("import", "nowhere.csv"), "nowhere.csv: No such file or directory."),
        (("activate", "2025.2-none"), "There is no release 2025.2-none: `blocks addresses releases` lists those that can go live."),
        (("rollback",), "holds no earlier release that is undamaged."),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(full_supply, tmp_path, words, said):
    data_dir = tmp_path if words == ("rollback",) else full_supply.data_dir
    code, out, err = blocks(data_dir, *words)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert said in err
    assert "What was live is still served." in err


def test_a_switch_while_another_process_builds_is_refused_at_once(place):
    with local.data_dir_lock(place.data_dir):
        code, _, err = blocks(place.data_dir, "rollback")
    assert code == 1
    assert "Another command builds or switches releases" in err


def test_ctrl_c_leaves_an_import_that_goes_on(place, tmp_path):
    supply = premium_file(tmp_path / "next.csv", place.blpus[:350])
    with local.data_dir_lock(place.data_dir):  # so that it waits before it builds
        process = started(place.data_dir, "import", supply)
        deadline = time.monotonic() + 60
        while not list((place.data_dir / "imports").glob("*/stage.sqlite3")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "Stopped. What was live is still served. The same command resumes this one.\n"
    assert as_json(place.data_dir, "import", supply)["premises"] == 350


async def test_a_running_service_follows_an_import_and_its_rollback(place, tmp_path, serve, settings, reader):
    update = premium_update(tmp_path / "update.csv", place.blpus, place.blpus[1:])
    path = f"/v1/addresses/{place.blpus[0].uprn}"
    async with serve(build(settings(Settings, data_dir=place.data_dir, premises_seed=SEED))) as served:
        assert (await served.http.get(path, headers=reader)).status_code == 200

        async def answers(status: int) -> bool:
            return bool((await served.http.get(path, headers=reader)).status_code == status)

        await asyncio.to_thread(blocks, place.data_dir, "import", update, "--activate")
        await eventually(lambda: answers(404))
        await asyncio.to_thread(blocks, place.data_dir, "rollback")
        await eventually(lambda: answers(200))


async def test_an_imported_release_is_served_after_a_restart_and_followed_while_running(place, tmp_path):
    serving = LiveRelease(place.data_dir, SEED)
    await serving.open()
    assert serving.manifest.release == place.release
    made = imported(place.data_dir, premium_file(tmp_path / "next.csv", place.blpus[:350]))
    activated(place.data_dir, made.release)
    assert await serving.follow()
    assert (serving.manifest.release, len(serving.gazetteer)) == (made.release, 350)
    await serving.close()


async def test_a_damaged_import_is_not_replaced_by_made_up_premises_but_by_the_one_before(place, tmp_path):
    made = imported(place.data_dir, premium_file(tmp_path / "next.csv", place.blpus[:350]))
    activated(place.data_dir, made.release)
    (folder_of(place.data_dir, made.release) / "records").unlink()
    serving = LiveRelease(place.data_dir, SEED)
    await serving.open()
    assert serving.manifest.release == place.release
    await serving.close()


@pytest.fixture
def outdated(place: Place) -> Place:
    """No release is of a format that is read: they were made by an earlier version."""
    for manifest in (place.data_dir / "releases").glob("*/manifest.json"):
        said = json.loads(manifest.read_bytes())
        said["recipe"]["format"] -= 1
        manifest.write_text(json.dumps(said), encoding="utf-8")
    return place


async def test_an_import_of_an_earlier_version_is_built_again_from_what_it_was_imported_from(outdated, tmp_path):
    serving = LiveRelease(outdated.data_dir, SEED)
    await serving.open()
    assert len(serving.gazetteer) == len(outdated.blpus)
    await serving.close()
    assert held(outdated.data_dir) == outdated.blpus
    update = premium_update(tmp_path / "update.csv", outdated.blpus, outdated.blpus[1:])
    assert held(outdated.data_dir, imported(outdated.data_dir, update).release) == outdated.blpus[1:]


async def test_an_import_that_cannot_be_built_again_is_not_replaced_by_made_up_premises(outdated):
    (outdated.data_dir / "stages" / outdated.release / "stage.sqlite3").unlink()
    with pytest.raises(StartError, match="no earlier release"):
        await LiveRelease(outdated.data_dir, SEED).open()


AREA_E = tuple(f"E{digit}" for digit in range(1, 10))
CODE_POINT = '"E8 1AA",10,534600,184500,"E92000001","E19000003","E18000007","","E09000012","E05009378"\r\n'


def test_imported_postcodes_stay_with_the_premises_and_the_next_update_keeps_them(place, tmp_path):
    file = tmp_path / "e8.csv"
    rows = (row for row in place.sources.live() if row.postcode[:2] in AREA_E and row.postcode != "E8 1AA")
    codes = "".join(CODE_POINT.replace("E8 1AA", row.postcode).replace("534600,184500", ",".join(map(str, row.location))) for row in rows)
    file.write_text(codes + CODE_POINT, encoding="utf-8", newline="")
    said = as_json(place.data_dir, "import", file, "--format", "code-point", "--activate")
    assert (said["format"], said["premises"]) == ("code-point", len(place.blpus))
    assert held(place.data_dir) == place.blpus
    made = imported(place.data_dir, premium_update(tmp_path / "update.csv", place.blpus, place.blpus[1:]))
    for each in (said["release"], made.release):
        gazetteer = Gazetteer.open(folder_of(place.data_dir, each))
        found = gazetteer.postcode(Postcode("E8", "1AA"))
        assert found is not None
        assert found.location == (534_600, 184_500)
        gazetteer.close()
    assert len(layers_in(kept_with(place.data_dir, made.release))) == 1, "other wards may place other premises: built whole"
    activated(place.data_dir, made.release)
    following = imported(place.data_dir, premium_update(tmp_path / "following.csv", place.blpus[1:], place.blpus[2:]))
    assert len(layers_in(kept_with(place.data_dir, following.release))) == 2


def test_with_a_store_a_command_begins_from_what_is_live_there_and_switches_everybody(place, tmp_path, monkeypatch):
    (tmp_path / "volume").mkdir()
    monkeypatch.setenv("ADDRESSES_RELEASES", (tmp_path / "volume").as_uri())
    here = tmp_path / "here"
    assert as_json(place.data_dir, "import", place.file, "--activate") == {"release": place.release, "live": True}
    supply = premium_file(tmp_path / "next.csv", place.blpus[:398])
    said = as_json(here, "import", supply, "--activate")
    assert (said["before"], said["live"]) == (place.release, True)
    code, out, err = blocks(place.data_dir, "rollback")
    assert (code, out, err) == (0, f"Release {place.release} is live again.\n", "")
    assert local.activated(place.data_dir) == [place.release]
    assert blocks(here, "rollback")[2].endswith("holds no earlier release that is undamaged. What was live is still served.\n")
    assert local.live(here) == place.release


def test_a_store_that_is_away_stops_a_command_with_one_line(place, tmp_path, monkeypatch):
    monkeypatch.setenv("ADDRESSES_RELEASES", (tmp_path / "volume").as_uri())
    code, out, err = blocks(place.data_dir, "rollback")
    assert (code, out) == (1, "")
    assert err == f"{(tmp_path / 'volume').as_uri()} is not there: the volume is not mounted. What was live is still served.\n"
