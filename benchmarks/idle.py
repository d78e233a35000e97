"""What a whole idle platform costs: processor time of each process while nobody asks for anything, and its memory.

Starts `blocks up` with its demo data, waits until the start's own work has ended, and reads the processor time that each process has used
(proc(5)) before and after a quiet minute. Processor time counts work, not waiting, so a busy machine hardly changes it.
Memory is the proportional set size (PSS): shared pages count once over all processes, so the column can be added up.
"""

import asyncio
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.blocks_up import Running, blocks_up
from benchmarks.report import Figure, Report, arguments, cpu_seconds, engine_to_use, median, proportional_mb

CPU_PERCENT_AT_MOST = 15
"""Of one core, over all processes of the platform, the runner too."""
WINDOW_SECONDS = 5.0
STEADY_WINDOWS = 3
STEADY_WITHIN = 1.25
"""The platform is quiet when this many consecutive windows differ by no more than this factor."""
QUIET_WITHIN_SECONDS = 180.0


def percent_of_a_core(before: dict[str, float], after: dict[str, float], seconds: float) -> dict[str, float]:
    """Processor time used in between, as a share of one core in percent, by process."""
    return {name: 100 * (after[name] - before[name]) / seconds for name in before}


async def cpu_shares(pids: dict[str, int], seconds: float) -> dict[str, float]:
    """What each process uses over the next `seconds`, in percent of a core."""
    before, began = {name: cpu_seconds(pid) for name, pid in pids.items()}, time.monotonic()
    await asyncio.sleep(seconds)
    after = {name: cpu_seconds(pid) for name, pid in pids.items()}
    return percent_of_a_core(before, after, time.monotonic() - began)


def is_steady(totals: list[float]) -> bool:
    """Whether the last windows' totals lie close together: the work of the start has ended."""
    last = totals[-STEADY_WINDOWS:]
    return len(last) == STEADY_WINDOWS and max(last) <= STEADY_WITHIN * min(last)


async def wait_until_quiet(pids: dict[str, int]) -> None:
    """Watch windows of a few seconds until they are alike. Raises TimeoutError where the platform does not come to rest."""
    totals: list[float] = []
    deadline = time.monotonic() + QUIET_WITHIN_SECONDS
    while not is_steady(totals):
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"the platform did not come to rest within {QUIET_WITHIN_SECONDS:g} s: {totals[-STEADY_WINDOWS:]} % of a core"
            )
        totals.append(sum((await cpu_shares(pids, WINDOW_SECONDS)).values()))
        print(f"  waiting until it is quiet: {totals[-1]:.1f}% of a core over {WINDOW_SECONDS:g} s", flush=True)


async def watch(pids: dict[str, int], seconds: float, rounds: int) -> dict[str, float]:
    """The median share of each process over the rounds, in percent of a core."""
    shares: dict[str, list[float]] = {name: [] for name in pids}
    for number in range(1, rounds + 1):
        print(f"  nobody asks for {seconds:g} s (round {number} of {rounds})", flush=True)
        for name, share in (await cpu_shares(pids, seconds)).items():
            shares[name].append(share)
    return {name: median(found) for name, found in shares.items()}


def show(report: Report, cpu: dict[str, float], memory: dict[str, float]) -> None:
    """Print the table, the costliest process first, and put its figures into the report."""
    print(f"  {'process':<20} {'CPU, % of a core':>18} {'memory (PSS), MB':>18}")
    for name in sorted(cpu, key=lambda process: -cpu[process]):
        print(f"  {name:<20} {cpu[name]:>18.2f} {memory[name]:>18.1f}")
        report.figures += [Figure(f"CPU, {name}", cpu[name], "% core"), Figure(f"memory (PSS), {name}", memory[name], "MB")]


async def measure(report: Report, running: Running, seconds: float, rounds: int) -> None:
    """Wait for quiet, watch, show."""
    pids = running.pids
    await wait_until_quiet(pids)
    cpu = await watch(pids, seconds, rounds)
    memory = {name: proportional_mb(pid) for name, pid in pids.items()}
    show(report, cpu, memory)
    report.add("CPU of the idle platform, all processes", sum(cpu.values()), "% core", at_most=CPU_PERCENT_AT_MOST)
    report.add("memory (PSS) of the idle platform, all processes", sum(memory.values()), "MB")


async def main() -> int:
    """Run it."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="length of a round (default: 60)")
    parser.set_defaults(rounds=1)
    options = parser.parse_args()
    engine = engine_to_use(options.engine)
    report = Report((__doc__ or "").splitlines()[0], {"engine": engine, "broker": options.broker, "seconds": f"{options.seconds:g}"})
    report.begin()
    with TemporaryDirectory(prefix="blocks-bench-") as name:
        print("  starting the platform with its demo data", flush=True)
        async with blocks_up(Path(name), "--engine", engine, "--broker", options.broker) as running:
            await measure(report, running, options.seconds, options.rounds)
    return report.finish(options.json)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
