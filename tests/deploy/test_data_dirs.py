"""Data directories, flags and messages as a newcomer meets them."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from rich.console import Console

from deploy.embedded.data_dir import FOLDERS, MARKER, is_ours, prepare, remove, running
from deploy.embedded.demo import DEMO_BOROUGHS, EXAMPLE_ADDRESS, Demo
from deploy.embedded.errors import OperatorError
from deploy.embedded.options import Options
from deploy.embedded.ready_file import READY_FILE, Ready
from deploy.embedded.screen import Screen, borough_shown, readable
from deploy.embedded.secrets_file import load_secrets
from deploy.embedded.services import SERVICES, assign_ports
from services.addresses.domain.search.matching import Decision
from services.addresses.gazetteer.releases.local import current
from services.addresses.gazetteer.search.gazetteer import Gazetteer
from shared.command_line import named
from shared.kafka_access import KafkaAccess
from tests.deploy.platform import RunningBlocks, blocks, until


@pytest.fixture
def somebodys(tmp_path: Path) -> Path:
    """Return a folder with somebody's files that others can read."""
    folder = tmp_path / "papers"
    (folder / "logs").mkdir(parents=True)
    (folder / "thesis.txt").write_text("years of work")
    folder.chmod(0o755)
    return folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_somebodys_folder_is_neither_used_nor_opened_nor_removed(somebodys: Path) -> None:
    refused = blocks("up", "--data-dir", str(somebodys), "--port-base", "0")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert f"{somebodys} holds files that are not the platform's" in refused.stderr
    assert "nothing is removed" in blocks("reset", "--yes", "--data-dir", str(somebodys)).stderr
    assert sorted(path.name for path in somebodys.iterdir()) == ["logs", "thesis.txt"]
    assert mode(somebodys) == 0o755


@pytest.mark.parametrize("command", [["up"], ["reset", "--yes"], ["status"], ["addresses", "releases"]])
def test_an_empty_name_is_not_the_current_folder(command: list[str]) -> None:
    refused = blocks(*command, "--data-dir", "")
    assert refused.returncode == 2
    assert "names no directory" in refused.stderr


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for command in (["up", "--port-base", "0"], ["reset", "--yes"]):
        refused = blocks(*command, "--data-dir", str(tmp_path / "file"))
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)


def test_a_new_directory_is_its_owners_alone_and_an_empty_one_keeps_its_mode(tmp_path: Path) -> None:
    new = prepare(tmp_path / "new")
    assert (mode(new), [path.name for path in new.iterdir()]) == (0o700, [MARKER])
    (tmp_path / "empty").mkdir(mode=0o755)
    (tmp_path / "empty").chmod(0o755)
    used = prepare(tmp_path / "empty")
    assert mode(used) == 0o755
    assert {mode(used / name) for name in FOLDERS} == {0o700}
    assert prepare(used) == used, "it is known again"


@pytest.mark.parametrize("made", ["secrets", "damaged secrets", "imported addresses"])
def test_a_directory_from_before_there_was_a_marker_is_taken_over(tmp_path: Path, made: str) -> None:
    if made == "imported addresses":
        (tmp_path / "addresses" / "releases").mkdir(parents=True)
    else:
        (tmp_path / "logs").mkdir()
        load_secrets(tmp_path / "secrets.json", ())
        if made == "damaged secrets":
            (tmp_path / "secrets.json").write_text('{"identity_enc')
    prepare(tmp_path)
    assert (tmp_path / MARKER).exists()


def test_a_newer_versions_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / MARKER).write_text(json.dumps({"version": 2}))
    with pytest.raises(OperatorError, match="newer version"):
        prepare(tmp_path)


@pytest.mark.parametrize("name", ["secrets.json", "addresses"])
def test_a_name_alone_does_not_make_a_folder_ours(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}") if "." in name else (tmp_path / name).mkdir()
    assert not is_ours(tmp_path)


def test_reset_names_and_removes_what_the_platform_made_and_leaves_the_rest(tmp_path: Path) -> None:
    data = prepare(tmp_path / "data")
    load_secrets(data / "secrets.json", ())
    (data / "database").mkdir()
    (data / ".ready.json.x7").write_text("left by a kill")
    (data / "notes.txt").write_text("mine")
    done = blocks("reset", "--yes", "--data-dir", str(data))
    assert done.returncode == 0, done.stderr
    assert "database" in done.stdout
    assert "What the platform did not make stays: notes.txt" in done.stdout
    assert [path.name for path in data.iterdir()] == ["notes.txt"]


def test_reset_asks_and_removes_nothing_without_a_yes(tmp_path: Path) -> None:
    data = prepare(tmp_path / "data")
    command = [sys.executable, "-m", "deploy.embedded.cli", "reset", "--data-dir", str(data)]
    asked = subprocess.run(command, input="n\n", capture_output=True, text=True, timeout=60, check=False)
    assert "Remove these for good?" in asked.stdout
    assert (data / MARKER).exists()
    remove(data)
    assert not data.exists()


def test_no_link_is_followed_out_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("kept")
    data = prepare(tmp_path / "data")
    (data / "logs").symlink_to(tmp_path / "elsewhere")
    remove(data)
    assert (tmp_path / "elsewhere" / "file").read_text() == "kept"
    assert [path.name for path in data.iterdir()] == ["logs"]


def test_a_ready_file_that_is_a_directory_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="--ready-file names a directory"):
        Options(ready_file=tmp_path)


def test_the_option_takes_a_name() -> None:
    assert named("data") == Path("data")
    for empty in ("", "  "):
        with pytest.raises(typer.BadParameter):
            named(empty)


@pytest.mark.parametrize(
    "command", [["up"], ["status"], ["reset"], ["addresses", "import"], ["addresses", "generate"], ["dead-letters", "list"]]
)
def test_flags_are_shown_as_flags(command: list[str]) -> None:
    shown = blocks(*command, "--help")
    assert shown.returncode == 0
    assert "bool" not in shown.stdout
    assert "--help" in shown.stdout


@pytest.mark.parametrize(
    "command",
    [["up", "--ephemeral", "true"], ["up", "--ephemeral=true"], ["reset", "--yes", "yes"], ["addresses", "import", "x", "--activate", "1"]],
)
def test_a_value_for_a_flag_is_answered_plainly(command: list[str]) -> None:
    refused = blocks(*command)
    assert refused.returncode == 2
    assert "takes no value" in refused.stderr or "does not take a value" in refused.stderr


def test_an_ephemeral_platform_is_found(tmp_path: Path) -> None:
    with RunningBlocks(tmp_path / "run", "--ephemeral", "--only", "portal", TMPDIR=str(tmp_path)) as platform:
        platform.wait_until_ready()
        states = until(lambda: _status(tmp_path))
        assert {state["name"] for state in states} == {"database", "broker", "portal"}
        text = platform.text
    assert '{"' not in text, "a person reads sentences, programs read the log files"
    assert "WARNING" not in text
    assert "Stop with Ctrl-C" in text


def _status(tmp_path: Path) -> list[dict[str, object]]:
    command = [sys.executable, "-m", "deploy.embedded.cli", "status", "--json"]
    environment = {"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, env=environment, check=False)
    states: list[dict[str, object]] = json.loads(found.stdout or "[]")
    return states


def test_a_platform_that_was_killed_is_not_taken_for_one_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "blocks-killed").mkdir()
    (tmp_path / "blocks-killed" / "lock").write_text("1\n")
    Ready(urls={}, kafka="", mongodb="", processes={}).write(tmp_path / "blocks-killed" / READY_FILE)
    with pytest.raises(OperatorError, match="No platform is running"):
        running(tmp_path / "none", default=tmp_path / "none")


# -- output


def test_a_services_log_line_is_shown_as_a_sentence() -> None:
    line = {
        "time": "2026-01-01T00:00:00.000Z",
        "level": "WARNING",
        "service": "addresses",
        "logger": "services.addresses",
        "message": "it is so",
    }
    assert readable(json.dumps(line)) == "WARNING services.addresses: it is so"
    assert (
        readable(json.dumps(line | {"error": "OSError", "at": "store.py:5"})) == "WARNING services.addresses: it is so (OSError store.py:5)"
    )
    for other in ("plain", '{"not": "ours"}', "{broken"):
        assert readable(other) == other


def test_a_newcomer_sees_the_next_steps(tmp_path: Path) -> None:
    urls = {name: f"http://127.0.0.1:{port}" for name, port in assign_ports(SERVICES, 8000).items()}
    made = Demo(load_secrets(tmp_path / "secrets.json", tuple(DEMO_BOROUGHS)), tmp_path, urls=urls, smtp_port=1025)
    ready = made.ready(urls=urls, mongodb="mongodb://127.0.0.1:1/", kafka="127.0.0.1:2", engine="python", kafka_access=KafkaAccess())
    with (tmp_path / "shown").open("w") as file:
        Screen(Console(file=file, width=120)).addresses(ready, took=1.0, own_file=tmp_path / READY_FILE, example=made.example_address)
    shown = (tmp_path / "shown").read_text()
    assert f"Open http://127.0.0.1:8010 and tell the councils that you move to {EXAMPLE_ADDRESS}" in shown
    assert "Sign in as ada@example.com; the code comes to http://127.0.0.1:8000/captured" in shown
    assert f"keys and client secrets are in {tmp_path / READY_FILE}" in shown
    assert "Hackney (E09000012)" in shown
    (tmp_path / "addresses" / "stages" / "2025.2-x").mkdir(parents=True)
    assert made.example_address is None, "what was imported may not hold it"


def test_the_example_address_is_held(demo_addresses: Path) -> None:
    gazetteer = Gazetteer.open(current(demo_addresses)[0])
    try:
        found = gazetteer.match(EXAMPLE_ADDRESS, limit=1)
        assert (found.decision, found.matches[0].address) == (Decision.MATCH, EXAMPLE_ADDRESS)
    finally:
        gazetteer.close()


def test_a_borough_has_its_name() -> None:
    assert [borough_shown(code) for code in ("E09000007", "E99999999", None)] == ["Camden (E09000007)", "E99999999", ""]
