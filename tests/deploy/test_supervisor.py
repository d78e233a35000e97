"""The supervisor with real processes: a tiny service that its environment variables control."""

import asyncio
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from deploy.embedded.engines import OperatorError
from deploy.embedded.ports import LOOPBACK, free_port, require_free
from deploy.embedded.process import Process
from deploy.embedded.supervisor import MAX_DEATHS, Supervisor
from tests.support.service_runner import eventually

PROGRAM = textwrap.dedent("""
    import os, signal, socket, sys, time
    print("hello from", os.environ["NAME"], flush=True)
    if os.environ["MOOD"] == "refuses":
        sys.exit("tiny: the moon is full. Set TINY_MOON to another phase.")
    if os.environ["MOOD"] == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.environ["MOOD"] == "dumb":
        time.sleep(60)
    with socket.create_server(("127.0.0.1", int(os.environ["TINY_PORT"]))) as server:
        while True:
            server.accept()[0].close()
""")


class Tiny(Process):
    """A service that answers by accepting a connection."""

    def __init__(self, name: str, directory: Path, mood: str = "good", began: list[str] | None = None) -> None:
        super().__init__(name, port=free_port(), log=directory / f"{name}.log")
        self.mood = mood
        self.began = began if began is not None else []

    def command(self) -> list[str]:
        return [sys.executable, "-c", PROGRAM]

    def environment(self) -> dict[str, str]:
        return {"NAME": self.name, "MOOD": self.mood, "TINY_PORT": str(self.port)}

    async def prepare(self) -> None:
        require_free(self.port, wanted_by=self.name, remedy="choose another")
        self.began.append(self.name)

    async def answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, self.port)
        except OSError:
            return False
        writer.close()
        return True


class Watched:
    """A supervisor and its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.changes = 0
        self.supervisor = Supervisor(say=self.lines.append, changed=self._changed)

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    """Yield a supervisor; kill what still runs at the end."""
    watched = Watched()
    yield watched
    watched.supervisor.kill()
    await watched.supervisor.stop()


async def test_a_stage_starts_when_the_one_before_it_answers(watched: Watched, tmp_path: Path) -> None:
    began: list[str] = []
    first, second = Tiny("first", tmp_path, began=began), Tiny("second", tmp_path, began=began)

    await watched.supervisor.start([first], grace=1)
    assert (await first.answers(), second.running) == (True, False)
    await watched.supervisor.start([second], grace=1)

    assert began == ["first", "second"]
    assert await second.answers()


async def test_what_dies_is_started_again_on_the_same_port_and_it_is_said(watched: Watched, tmp_path: Path) -> None:
    tiny = Tiny("tiny", tmp_path)
    await watched.supervisor.start([tiny], grace=1)
    before = (tiny.pid, tiny.port)
    os.kill(tiny.pid, signal.SIGKILL)

    await eventually(lambda: watched.changes == 1)

    assert tiny.port == before[1]
    assert tiny.pid != before[0]
    assert await tiny.answers()
    assert watched.lines == ["tiny was killed (SIGKILL); starting it again in 0.2 s", f"tiny answers again (pid {tiny.pid})"]


async def test_five_deaths_in_a_minute_end_it_with_the_last_lines(watched: Watched, tmp_path: Path) -> None:
    tiny, other = Tiny("tiny", tmp_path), Tiny("other", tmp_path)
    await watched.supervisor.start([tiny, other], grace=1)
    watching = asyncio.create_task(watched.supervisor.watch())

    for deaths in range(MAX_DEATHS):
        await eventually(answered_times(watched, deaths))
        tiny.kill()

    with pytest.raises(OperatorError, match=r"(?s)tiny was killed \(SIGKILL\), 5 times in a minute.*hello from tiny"):
        await asyncio.wait_for(watching, 10)
    assert other.running


async def test_deaths_far_apart_are_forgiven(watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.embedded.supervisor.DEATHS_WINDOW", 0.0)
    tiny = Tiny("tiny", tmp_path)
    await watched.supervisor.start([tiny], grace=1)
    for deaths in range(MAX_DEATHS + 1):
        tiny.kill()
        await eventually(answered_times(watched, deaths + 1))
    assert {line for line in watched.lines if "starting" in line} == {"tiny was killed (SIGKILL); starting it again in 0.2 s"}


async def test_a_process_that_says_why_it_cannot_start_is_not_tried_again(watched: Watched, tmp_path: Path) -> None:
    began: list[str] = []
    with pytest.raises(OperatorError) as refusal:
        await watched.supervisor.start([Tiny("tiny", tmp_path, "refuses", began)], grace=1)
    assert str(refusal.value) == "tiny cannot start: tiny: the moon is full. Set TINY_MOON to another phase."
    assert began == ["tiny"]


async def test_a_death_in_an_earlier_stage_is_not_missed_while_a_later_one_starts(watched: Watched, tmp_path: Path) -> None:
    first = Tiny("first", tmp_path)
    await watched.supervisor.start([first], grace=1)
    starting = asyncio.create_task(watched.supervisor.start([Tiny("second", tmp_path, "dumb")], grace=1))
    for deaths in range(MAX_DEATHS):
        await eventually(answered_times(watched, deaths))
        first.kill()
    with pytest.raises(OperatorError, match="first was killed"):
        await asyncio.wait_for(starting, 10)


async def test_a_process_that_never_answers_fails_the_start(watched: Watched, tmp_path: Path) -> None:
    tiny = Tiny("tiny", tmp_path, "dumb")
    tiny.start_timeout = 1.0
    with pytest.raises(OperatorError, match="tiny did not answer within 1 s: hello from tiny"):
        await watched.supervisor.start([tiny], grace=1)
    assert not tiny.running


async def test_stopping_ends_the_last_stage_first_and_kills_what_will_not(watched: Watched, tmp_path: Path) -> None:
    good, stubborn = Tiny("good", tmp_path), Tiny("stubborn", tmp_path, "stubborn")
    await watched.supervisor.start([good], grace=1)
    await watched.supervisor.start([stubborn], grace=0.3)
    pids = [good.pid, stubborn.pid]
    stopping = asyncio.create_task(watched.supervisor.stop())
    await asyncio.sleep(0)
    assert good.running

    await stopping

    assert (good.exit_code, stubborn.exit_code) == (-signal.SIGTERM, -signal.SIGKILL)
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    assert watched.lines == []


def answered_times(watched: Watched, times: int) -> Callable[[], bool]:
    """Return a check that this many restarts have completed."""
    return lambda: watched.changes >= times
