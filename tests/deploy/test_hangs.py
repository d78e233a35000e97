"""The runner replaces a process that hangs: after SIGSTOP it neither ends nor answers."""

import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from deploy.embedded.engines import Database
from deploy.embedded.supervisor import Supervisor
from tests.deploy.platform import RunningBlocks, until
from tests.support.service_runner import eventually


class QuicklyChecked(Database):
    """A database with frequent checks, so that the test is short."""

    check_seconds = 0.3
    max_failures = 2


@pytest.fixture
async def supervisor() -> AsyncIterator[tuple[Supervisor, list[str]]]:
    """A supervisor and its lines; the fixture kills what still runs."""
    lines: list[str] = []
    made = Supervisor(say=lines.append, changed=lambda: None)
    yield made, lines
    made.kill()
    await made.stop()


async def test_a_database_that_serves_no_row_is_killed_and_started_again(in_memory: Path, supervisor: tuple[Supervisor, list[str]]) -> None:
    watching, lines = supervisor
    database = QuicklyChecked("python", in_memory / "hangs" / "database")
    await watching.start([database], grace=1.0)
    first = database.pid
    os.kill(first, signal.SIGSTOP)
    await eventually(lambda: database.pid != first and any("answers again" in line for line in lines), seconds=60)
    assert any("did not work" in line for line in lines)
    assert await database.works()


@pytest.mark.timeout(480)
def test_a_platform_replaces_a_database_and_a_service_that_stand_still(tmp_path: Path, platform_data: Callable[[], Path]) -> None:
    with RunningBlocks(tmp_path, "--data-dir", str(platform_data())) as running:
        ready = running.wait_until_ready()
        before = running.pids
        for stopped in (before["database"][0], before["notifications"][0]):
            os.kill(stopped, signal.SIGSTOP)

        def unready() -> bool:
            answer = httpx.get(f"{ready['urls']['data_sharing']}/ready", timeout=10)
            return answer.status_code == 503 and answer.json()["database"] is False

        until(unready, 30)
        assert httpx.get(f"{ready['urls']['data_sharing']}/live", timeout=10).status_code == 200
        until(lambda: running.pids["database"] != before["database"] and running.pids["notifications"] != before["notifications"])
        for name in ("notifications", "data_sharing", "identity"):
            until(lambda name=name: httpx.get(f"{ready['urls'][name]}/ready", timeout=10).status_code == 200)  # type: ignore[misc]
