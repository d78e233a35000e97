"""kill -9 of services, broker and database while citizens move home: every accepted journey completes, and nothing happens twice.

Others write odd records to the same topics meanwhile: no header, id or payload of theirs costs a journey anything.

`make test-faults` runs 20 rounds of 200 journeys, `make test` a few smaller ones. `BLOCKS_FAULT_SEED` chooses victims and pauses: the same
seed kills the same processes in the same order again, whatever they are doing at that moment.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.embedded.services import SERVICE_NAMES
from tests.deploy.platform import RunningBlocks
from tests.faults.journeys import CAMDEN, DONE, HACKNEY, Crowd
from tests.faults.odd_writer import OddWriter
from tests.faults.random_kills import Killer

ROUNDS = int(os.environ.get("BLOCKS_FAULT_ROUNDS", "2"))
JOURNEYS = int(os.environ.get("BLOCKS_FAULT_JOURNEYS", "50"))
KILLS = int(os.environ.get("BLOCKS_FAULT_KILLS", "5"))
SEED = int(os.environ.get("BLOCKS_FAULT_SEED", "2026"))
SUBMITTING_SECONDS = 10.0
PATIENCE_SECONDS = 240.0


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, platform_data: Callable[[], Path]) -> Iterator[RunningBlocks]:
    """A whole platform for all rounds, so that each round starts with the remains of the one before."""
    with RunningBlocks(tmp_path_factory.mktemp("faults"), "--data-dir", str(platform_data())) as running:
        running.wait_until_ready()
        yield running


@pytest.fixture(scope="module")
def killer(platform: RunningBlocks) -> Killer:
    """One killer for all rounds: it counts kills a minute over rounds."""
    return Killer(platform, SEED)


async def assert_nothing_is_lost(platform: RunningBlocks, killer: Killer, run: str, *, journeys: int, kills: int) -> None:
    """Run journeys while the killer kills processes and odd records arrive on the topics.

    Assert that every journey is complete, every message and share exists once, and every odd record alone is a dead letter.
    """
    async with Crowd(platform.ready, f"{SEED}-{run}", journeys) as crowd:
        odd = OddWriter(platform.ready, SEED, run)
        killing, writing = asyncio.create_task(killer.kill(kills)), asyncio.create_task(odd.write())
        await crowd.go(SUBMITTING_SECONDS)
        killed = await killing
        writing.cancel()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while crowd.open and time.monotonic() < deadline:
            await crowd.follow()
            await asyncio.sleep(0.5)
        about = f"seed {SEED}, run {run}: killed {', '.join(killed)}; clients met {dict(crowd.refusals)}"

        assert not crowd.surprises, about
        moves = [journey.move for journey in crowd.journeys]
        assert len(set(moves)) == journeys, about
        steps = crowd.steps()
        assert {key: found for key, found in steps.items() if found != dict.fromkeys(DONE, "done")} == {}, about
        wanted = [("email", journey.email) for journey in crowd.journeys] + [("sms", journey.phone) for journey in crowd.journeys]
        assert await crowd.messages() == Counter(wanted), about
        for borough in (CAMDEN, HACKNEY):
            made = crowd.shares_made(borough)
            assert set(made.values()) == {1}, about
            assert len(made) == journeys, about
            assert await crowd.shares(borough) == made, about
        assert platform.process.poll() is None, platform.text
        await odd.settle()


@pytest.mark.timeout(420)
@pytest.mark.parametrize("round_", range(ROUNDS))
async def test_every_accepted_journey_completes_and_nothing_is_doubled(platform: RunningBlocks, killer: Killer, round_: int) -> None:
    await assert_nothing_is_lost(platform, killer, str(round_), journeys=JOURNEYS, kills=KILLS)


@pytest.mark.bulk  # a minute: run by `make test-faults`
@pytest.mark.timeout(420)
async def test_two_replicas_of_every_service_double_nothing_while_any_of_them_is_killed(tmp_path: Path) -> None:
    twice = [option for name in SERVICE_NAMES for option in ("--replicas", f"{name}=2")]
    with RunningBlocks(tmp_path / "run", "--data-dir", str(tmp_path / "data"), *twice) as running:
        running.wait_until_ready()
        assert {len(running.pids[name]) for name in SERVICE_NAMES} == {2}
        await assert_nothing_is_lost(running, Killer(running, SEED), "replicas", journeys=JOURNEYS, kills=KILLS)
