"""`blocks addresses generate`: it writes files, prints a table of them, and fails with one clear line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.platform import ROOT, blocks


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A generated folder, and the command's output."""
    out = tmp_path_factory.mktemp("generated") / "files"
    done = blocks("addresses", "generate", "--premises", "500", "--seed", "3", "--out", str(out))
    assert (done.returncode, done.stderr) == (0, "")
    return out, done.stdout


def test_the_table_names_every_file_and_how_much_it_holds(generated: tuple[Path, str]) -> None:
    out, printed = generated
    assert {path.name for path in out.iterdir()} == {
        "MADE_UP_AddressBaseCore_FULL_2025-09-01_001.csv",
        "MADE_UP_AddressBasePremium_FULL_2025-09-01_001.csv",
    }
    for path in out.iterdir():
        assert path.name in printed
        around = 3 if "Premium" in path.name else 1
        assert f"{len(path.read_text().splitlines()) - around:,}" in printed
    assert str(out) in printed


def test_json_says_the_same_and_the_same_seed_gives_the_same_files(generated: tuple[Path, str], tmp_path: Path) -> None:
    out, _ = generated
    done = blocks("addresses", "generate", "--premises", "500", "--seed", "3", "--out", str(tmp_path / "new"), "--json")
    files = json.loads(done.stdout)
    assert [(file["format"], file["bytes"]) for file in files] == [
        ("core", (out / "MADE_UP_AddressBaseCore_FULL_2025-09-01_001.csv").stat().st_size),
        ("premium", (out / "MADE_UP_AddressBasePremium_FULL_2025-09-01_001.csv").stat().st_size),
    ]
    assert files[0]["records"] == 500
    for file in files:
        assert Path(file["path"]).read_bytes() == (out / Path(file["path"]).name).read_bytes()


def test_a_folder_with_something_in_it_is_refused_and_left_alone(generated: tuple[Path, str]) -> None:
    out, _ = generated
    before = sorted(out.iterdir())
    refused = blocks("addresses", "generate", "--premises", "500", "--out", str(out))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"{out} is a file or has files in it: give a directory that is empty or not there yet.\n"
    assert sorted(out.iterdir()) == before


def test_more_premises_than_there_is_room_for_are_refused_in_a_line(tmp_path: Path) -> None:
    refused = blocks("addresses", "generate", "--premises", "20000000", "--out", str(tmp_path / "new"))
    assert refused.returncode == 1
    assert refused.stderr.startswith("That many premises cannot be made: 180754 postcodes hold 1 to ")
    assert refused.stderr.count("\n") == 1


def test_a_full_disk_is_reported_in_a_line(tmp_path: Path) -> None:
    out = tmp_path / "new"
    command = [sys.executable, "-m", "deploy.embedded.cli", "addresses", "generate", "--premises", "500", "--out", str(out)]
    limited = ["sh", "-c", 'ulimit -f 100 && exec "$@"', "sh", *command]
    refused = subprocess.run(limited, capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == f"{out} cannot be written to (File too large): what was begun is removed.\n"
    assert list(out.iterdir()) == []


def test_the_changes_that_follow_a_supply_are_written_as_updates(tmp_path: Path) -> None:
    out = tmp_path / "changes"
    done = blocks("addresses", "generate", "--premises", "500", "--changes", "--out", str(out), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (premium,) = (Path(file["path"]) for file in json.loads(done.stdout) if file["format"] == "premium")
    assert "_COU_" in premium.name
    header = premium.read_text().splitlines()[0]
    assert header.startswith("10,")
    assert header.split(",")[-1].strip('"') == "C", "changes only"
    assert all("_COU_" in path.name for path in out.iterdir())


def test_what_the_commands_need_is_not_in_the_memory_of_the_platform() -> None:
    needed = {"tantivy", "numpy", "services.addresses.gazetteer.builds.synthetic_files"}
    said = f"import sys, deploy.embedded.cli; print({needed} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", said], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
    listed = blocks("addresses", "--help").stdout
    assert all(command in listed for command in ("generate", "import", "releases", "activate", "rollback"))
