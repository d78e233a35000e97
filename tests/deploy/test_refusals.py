"""Errors of `blocks up`: one line with the remedy, and a non-zero exit."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pymongo import MongoClient

from deploy.embedded.engines import Database
from deploy.embedded.ports import free_port, is_free
from deploy.embedded.services import SERVICES
from tests.deploy.platform import RunningBlocks, blocks, until


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with the user `blocks` and the password `right`."""
    database = Database("python", tmp_path_factory.mktemp("guarded") / "data")
    asyncio.run(database.start())
    with MongoClient[dict[str, object]](database.address) as client:
        client.admin.command("createUser", "blocks", pwd="right", roles=["root"])
    yield database
    asyncio.run(database.stop())


def url_with(password: str, database: Database) -> str:
    """Return the database's URL for its user `blocks`."""
    return f"mongodb://blocks:{password}@127.0.0.1:{database.port}/?directConnection=true"


def up(directory: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `blocks up` in its own directory; it must fail."""
    return blocks("up", "--data-dir", str(directory / "data"), *options, environment=environment)


def test_a_busy_port_is_named_with_its_holder_and_the_option(tmp_path: Path) -> None:
    base = free_base()
    with socket.create_server(("127.0.0.1", base)):
        refused = up(tmp_path, "--port-base", str(base), "--only", "portal")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert refused.stderr.startswith(f"Port {base}, wanted by portal, is in use by ")
    assert f"(pid {os.getpid()})" in refused.stderr
    assert "--port-base" in refused.stderr


def test_an_unknown_setting_stops_the_start_and_is_named(tmp_path: Path) -> None:
    refused = up(tmp_path, "--port-base", "0", "--only", "portal", PORTAL_CAPTUER="true")
    assert refused.returncode == 1
    assert refused.stderr == "portal cannot start: Unknown setting PORTAL_CAPTUER: did you mean PORTAL_CAPTURE?\n"


def test_a_wrong_password_of_the_database_is_said_and_not_shown(tmp_path: Path, guarded: Database) -> None:
    refused = up(tmp_path, "--port-base", "0", "--only", "portal", "--mongodb", url_with("wrong", guarded))
    assert refused.returncode == 1
    assert refused.stderr == f"MongoDB at 127.0.0.1:{guarded.port} refuses the user name or the password in --mongodb.\n"
    assert "wrong" not in refused.stdout


def test_with_the_right_password_it_runs_on_that_database(tmp_path: Path, guarded: Database) -> None:
    url = url_with("right", guarded)
    with RunningBlocks(tmp_path, "--ephemeral", "--only", "portal", "--mongodb", url) as running:
        ready = running.wait_until_ready()
        assert "database" not in ready["processes"]
        assert ready["mongodb"] == url
        assert "right@" not in running.text


def test_engines_that_do_not_answer_are_named(tmp_path: Path) -> None:
    nobody = free_port()
    refused = up(tmp_path, "--port-base", "0", "--mongodb", f"mongodb://127.0.0.1:{nobody}/")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert f"MongoDB at 127.0.0.1:{nobody} does not answer" in refused.stderr
    refused = up(tmp_path, "--port-base", "0", "--kafka", f"127.0.0.1:{nobody}")
    assert (refused.returncode, refused.stderr.splitlines()[-1].count("does not answer")) == (1, 1)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="a small disk needs root to mount it")
def test_a_full_disk_is_said_before_anything_starts(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        refused = blocks("up", "--data-dir", str(disk / "data"), "--port-base", "0")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "make room or choose another directory with --data-dir" in refused.stderr


def test_wrong_options_are_answered_before_anything_starts(tmp_path: Path) -> None:
    assert "There is no service 'identiy'" in up(tmp_path, "--only", "identiy").stderr
    assert "--replicas takes SERVICE=N" in up(tmp_path, "--replicas", "identity=none").stderr
    assert up(tmp_path, "--engine", "slow").returncode == 2


def test_commands_without_a_platform_say_so(tmp_path: Path) -> None:
    for command in (["status"], ["dead-letters", "list"], ["reset", "--yes"]):
        refused = blocks(*command, "--data-dir", str(tmp_path / "none"))
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    (tmp_path / "precious").write_text("not a platform's")
    assert "nothing is removed" in blocks("reset", "--yes", "--data-dir", str(tmp_path)).stderr
    assert (tmp_path / "precious").exists()


def test_an_ephemeral_platform_with_replicas_leaves_nothing(tmp_path: Path) -> None:
    with RunningBlocks(tmp_path, "--ephemeral", "--only", "portal", "--replicas", "portal=2", TMPDIR=str(tmp_path)) as running:
        ready = running.wait_until_ready()
        assert len(set(ready["processes"]["portal"])) == 2
        assert len(set(ready["replicas"]["portal"])) == 2
        assert ready["replicas"]["portal"][0] == ready["urls"]["portal"]
        assert running.interrupt()[0] == 0
    assert not list(tmp_path.glob("blocks-*"))


def test_a_service_that_keeps_dying_stops_the_platform_with_its_last_lines(tmp_path: Path) -> None:
    with RunningBlocks(tmp_path, "--ephemeral", "--only", "portal") as running:
        running.wait_until_ready()
        killed: set[int] = set()
        while running.process.poll() is None and len(killed) < 10:
            with contextlib.suppress(FileNotFoundError):  # the runner stopped and removed it
                if (pid := running.pids["portal"][0]) not in killed:
                    killed.add(pid)
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)  # spare the processors for the starting service
        until(lambda: running.process.poll() is not None, 20)
        assert running.process.returncode == 1
        assert len(killed) == 5
        assert "portal was killed (SIGKILL), 5 times in a minute. Its last lines (" in running.text
        assert not running.ready_file.exists()


def test_nothing_outlives_a_runner_that_was_killed(tmp_path: Path) -> None:
    with RunningBlocks(tmp_path, "--ephemeral", "--only", "portal", TMPDIR=str(tmp_path)) as running:
        running.wait_until_ready()
        family = psutil.Process(running.process.pid).children(recursive=True)
        assert len(family) == 3
        running.process.kill()
        gone, alive = psutil.wait_procs(family, timeout=5)
        assert not alive, alive
        assert len(gone) == 3


def free_base() -> int:
    """Return a port base with free ports for all services."""
    return until(lambda: next((base for base in [free_port()] if all(is_free(base + part.port_offset) for part in SERVICES)), None))
