"""How often an idle worker polls."""

import asyncio
from types import SimpleNamespace

import pytest

from shared.worker import Worker


class TimedWorker(Worker):
    """Records its pauses; each passes at once on the test's clock."""

    def __init__(self, *, idle_interval: float | None, wake_at: int, looks: int) -> None:
        super().__init__("timed", self.look, interval=1.0, idle_interval=idle_interval)
        self.now = 0.0
        self.pauses: list[float] = []
        self._wake_at, self._looks = wake_at, looks

    async def look(self) -> int:
        return 0

    async def _wait(self, pause: float) -> None:
        self.pauses.append(pause)
        self.now += pause
        if len(self.pauses) == self._wake_at:
            self.wake()
        if len(self.pauses) == self._looks:
            await asyncio.Event().wait()
        await asyncio.sleep(0)


async def pauses_of(monkeypatch: pytest.MonkeyPatch, eventually, *, idle_interval: float | None) -> list[float]:
    worker = TimedWorker(idle_interval=idle_interval, wake_at=20, looks=22)
    monkeypatch.setattr("shared.worker.time", SimpleNamespace(monotonic=lambda: worker.now))
    worker.start()
    await eventually(lambda: len(worker.pauses) == 22)
    await worker.stop(grace=0)
    return worker.pauses


async def test_an_idle_worker_looks_less_often_until_it_is_woken(monkeypatch, eventually):
    pauses = await pauses_of(monkeypatch, eventually, idle_interval=3.0)
    assert pauses[:5] == [1.0] * 5
    assert pauses[:20] == sorted(pauses[:20])
    assert pauses[19] == 3.0
    assert pauses[20] == 1.0


async def test_without_an_idle_interval_its_pauses_stay(monkeypatch, eventually):
    assert await pauses_of(monkeypatch, eventually, idle_interval=None) == [1.0] * 22
