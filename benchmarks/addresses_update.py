"""Times a change-only update from its file to live, with its change set, and the delay that activation causes to queries.

`blocks addresses import --activate` imports a full supply of made-up premises, then an update, each in a process of its own. Another
process serves a query every 5 ms on its event loop, without HTTP. It times each query from its due time, so every delay of the loop
counts. It looks for another release every two seconds, as the service does.
`python -m benchmarks addresses_update --premises 20000`; `--premises 4500000` for London.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.addresses.releases import LONDON, premises
from benchmarks.report import Report, percentile
from services.addresses.domain.addressbase.formats.write_premium import MOST_RECORDS, Record, Supply, Volumes, full_supply
from services.addresses.domain.addressbase.formats.write_updates import premium_changes
from services.addresses.domain.addressbase.records import Blpu, LogicalStatus
from services.addresses.gazetteer.releases.change_sets import change_sets

ROWS, SECONDS, MOST_RATIO = 50_000, 60, 2.0
MANY, MOST_OF_FULL = 1_000_000, 0.2
"""Premises from which an update that changes one in eighty of them is to cost at most so much of what a full supply does."""
QUIET = 10.0
"""Seconds of queries before the update begins."""
AFTER = 3.0
"""Seconds after the switch that count as during it: replicas look every two."""
_MADE_UP = Supply("MADE UP ADDRESSES", date(2025, 9, 1))


def main() -> int:
    """Import, update, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--premises", type=int, default=20_000, help="in the release (default: 20000; 4500000 is London)")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"of the update, at most one premises in 16 (default: {ROWS})")
    parser.add_argument("--folder", type=Path, help="work there, instead of in the system's temporary folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    report = Report((__doc__ or "").partition("\n")[0], {"premises": f"{options.premises:,}"})
    report.begin()
    with TemporaryDirectory(dir=options.folder) as directory:
        _measure(report, Path(directory), options.premises, options.rows)
    return report.finish(options.json)


def _measure(report: Report, directory: Path, count: int, rows: int) -> None:
    full = _written(directory, "full", full_supply(premises(count)), _MADE_UP)
    first = _imported(directory / "data", full)
    _tell(report, "full supply", first)
    step = max(16, 4 * count // rows)
    changes = premium_changes(premises(count), _changed(premises(count), step))
    update = _written(directory, "update", changes, replace(_MADE_UP, change_only=True))
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(directory / "data")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdout.readline()
        time.sleep(QUIET)
        began = time.time()
        second = _imported(directory / "data", update)
        time.sleep(2 * AFTER)
        server.stdin.close()
        served = json.loads(server.stdout.readline())
    _tell(report, f"update of {second.rows:,} rows", second, at_most=SECONDS if count >= LONDON else None)
    last = change_sets(directory / "data")[-1]
    report.add("changes in the change set", sum(len(batch) for batch in last.batches()), "")
    report.add("ratio of the update to the full supply, time", second.seconds / first.seconds, "x")
    report.add("ratio of the update to the full supply, CPU", second.cpu / first.cpu, "x", at_most=MOST_OF_FULL if count >= MANY else None)
    _tell_served(report, served, began)


class _Run(NamedTuple):
    rows: int
    seconds: float
    cpu: float
    memory: float


def _changed(blpus: Iterable[Blpu], step: int) -> Iterator[Blpu]:
    """Change every `step`th record, by turns: another organisation, retired, gone."""
    for number, blpu in enumerate(blpus):
        turn = number // step % 20 if number % step == 0 else None
        if turn is None:
            yield blpu
        elif turn == 0:
            day = date(2026, 1, 5)
            lpis = tuple(replace(lpi, logical_status=LogicalStatus.HISTORICAL, end_date=day) for lpi in blpu.lpis)
            yield replace(blpu, logical_status=LogicalStatus.HISTORICAL, end_date=day, lpis=lpis)
        elif turn != 1 or blpu.classification.startswith("P"):  # without a shell its flats would have no parent
            yield replace(blpu, organisation=f"QUILL AND SONS {number % 977}", last_update=date(2026, 1, 5))


def _written(directory: Path, name: str, groups: Iterable[list[Record]], supply: Supply) -> list[Path]:
    files = []
    for number, volume in enumerate(Volumes(groups, supply, MOST_RECORDS), start=1):
        files.append(directory / f"{name}_{number:03d}.csv")
        with files[-1].open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(volume)
    return files


def _imported(data_dir: Path, files: list[Path]) -> _Run:
    """Import and activate, in a process of its own."""
    command = [sys.executable, "-m", "deploy.embedded.cli", "addresses", "import", *map(str, files), "--activate", "--json"]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "ADDRESSES_DATA_DIR": str(data_dir)}) as child:
        assert child.stdout is not None
        said = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        failed = [check for check in json.loads(said or "{}").get("checks", {}).get("checks", ()) if not check["passed"]]
        raise RuntimeError(f"the import ended with {child.returncode}: {failed}")
    return _Run(json.loads(said)["rows"], time.perf_counter() - began, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6)


def _tell(report: Report, name: str, run: _Run, at_most: float | None = None) -> None:
    report.add(f"{name}: time to live", run.seconds, "s", at_most=at_most)
    report.add(f"{name}: CPU", run.cpu, "s")
    report.add(f"{name}: most memory", run.memory, "MB")


def _tell_served(report: Report, served: dict[str, list[list[float]]], began: float) -> None:
    """Queries before the update, while it is built, and from the switch on."""
    switch = served["switched"][0][0]
    before = sorted(ms for due, ms in served["queries"] if began - QUIET <= due < began)
    building = sorted(ms for due, ms in served["queries"] if began <= due < switch - 2.0)
    during = sorted(ms for due, ms in served["queries"] if switch - 2.0 <= due < switch + AFTER)
    report.add("queries before the update, p99", percentile(before, 0.99), "ms")
    if building:
        report.add("queries while it is built, p99", percentile(building, 0.99), "ms")
    report.add("queries during the switch, p99", percentile(during, 0.99), "ms")
    report.add("queries during the switch, longest", during[-1], "ms")
    ratio = percentile(during, 0.99) / percentile(before, 0.99)
    report.add("ratio of queries during the switch to before, p99", ratio, "x", at_most=MOST_RATIO)


_SERVER = """
import asyncio, json, random, sys, time
from pathlib import Path
from services.addresses.gazetteer.serving.live import LiveRelease

async def main():
    live = LiveRelease(Path(sys.argv[1]), 1)
    await live.open()
    gazetteer = live.gazetteer
    dice = random.Random(3)
    lines = [gazetteer.record(int(gazetteer.uprns[dice.randrange(len(gazetteer))])) for _ in range(500)]
    texts = [f"{blpu.lpis[0].pao} {blpu.lpis[0].street}" for blpu in lines if blpu.lpis]
    for text in texts:
        gazetteer.search(text, 10)
    queries, switched = [], []
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

    async def follow():
        while not ended.done():
            if await live.follow():
                switched.append([time.time()])
            await asyncio.sleep(2.0)

    following = asyncio.create_task(follow())
    print("ready", flush=True)
    due = time.time()
    while not ended.done():
        await asyncio.sleep(max(0.0, due - time.time()))
        live.gazetteer.search(dice.choice(texts), 10)
        queries.append([due, 1000 * (time.time() - due)])
        due += 0.005
    await following
    print(json.dumps({"queries": queries, "switched": switched}), flush=True)

asyncio.run(main())
"""


if __name__ == "__main__":
    sys.exit(main())
