"""Delay from a commit in one process to the committed effect in another, against the same with driver and aiokafka alone."""

import asyncio
import sys
import time
from dataclasses import dataclass, field
from uuid import uuid4

import httpx

from benchmarks.processes import Engines, Server, engines
from benchmarks.report import Report, arguments, cpu_seconds, engine_to_use, median, percentile
from benchmarks.stamps import BEGUN, COMMITTED, Stamps

RATES = {"fast": 200.0, "python": 50.0}
P50_MS, P99_MS = 20.0, 60.0
WARM_UP_SECONDS = 3.0
DRIVERS = ("motor", "pymongo")


@dataclass
class Variant:
    """One pipeline as two running processes, and the figures of its rounds."""

    driver: str
    pipeline: str
    sender: Server
    receiver: Server
    stamps: Stamps
    used: int = 0
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    p50_begun: list[float] = field(default_factory=list)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    async def round(self, seconds: float, rate: float, watched: dict[str, int], *, keep: bool) -> None:
        """Offer `rate` events a second, wait until all have taken effect, and keep the figures if `keep`."""
        numbers = range(self.used, self.used + int(seconds * rate))
        self.used = numbers.stop
        pids = {"sender": self.sender.pid, "receiver": self.receiver.pid, **watched}
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        async with httpx.AsyncClient(timeout=seconds * 4 + 60) as http:
            load = {"first": numbers.start, "count": len(numbers), "rate": rate}
            (await http.post(f"{self.sender.url}/load", params=load)).raise_for_status()
        deadline = time.monotonic() + 60
        while (done := self.stamps.done(numbers)) < len(numbers):
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{self.pipeline}, {self.driver}: {done} of {len(numbers)} events took effect; logs: {self.receiver.log}"
                )
            await asyncio.sleep(0.1)
        if not keep:
            return
        for name, pid in pids.items():
            self.cpu.setdefault(name, []).append((cpu_seconds(pid) - before[name]) * 1000 / len(numbers))
        delays = self.stamps.milliseconds(COMMITTED, numbers)
        self.p50.append(percentile(delays, 0.5))
        self.p99.append(percentile(delays, 0.99))
        self.p50_begun.append(percentile(self.stamps.milliseconds(BEGUN, numbers), 0.5))


async def started(parts: Engines, driver: str, pipeline: str, count: int) -> Variant:
    """Start a pipeline's two processes on databases and topics of their own."""
    run = f"r{uuid4().hex[:8]}"
    stamps = Stamps(parts.directory / f"{run}.stamps", count)
    environment = {
        "BENCH_MONGODB": parts.database.address,
        "BENCH_KAFKA": parts.broker.address,
        **parts.kafka_environment,
        "BENCH_DRIVER": driver,
        "BENCH_RUN": run,
        "BENCH_STAMPS": str(stamps.path),
        "BENCH_COUNT": str(count),
        "BENCH_BROKER_DURABLE": "yes" if parts.broker_durable else "no",
    }
    module = "benchmarks.pipeline.services" if pipeline == "ours" else "benchmarks.pipeline.bare"
    sender, receiver = (
        Server(f"{pipeline}-{driver}-{role}", module, role, directory=parts.directory, environment=environment)
        for role in ("sender", "receiver")
    )
    await sender.start()
    await receiver.start()
    return Variant(driver, pipeline, sender, receiver, stamps)


async def measure(report: Report, parts: Engines, driver: str, rate: float, seconds: float, rounds: int) -> None:  # noqa: PLR0917
    """Measure the bare pipeline and ours in turn, with one driver."""
    count = int((WARM_UP_SECONDS + seconds * rounds) * rate) + rounds
    print(f"  {driver}: starting and warming up", flush=True)
    variants = [await started(parts, driver, pipeline, count) for pipeline in ("bare", "ours")]
    watched = {"database": parts.database.pid, "broker": parts.broker.pid}
    try:
        for variant in variants:
            await variant.round(WARM_UP_SECONDS, rate, watched, keep=False)
        for number in range(1, rounds + 1):
            print(f"  {driver}: round {number} of {rounds}", flush=True)
            for variant in variants:
                await variant.round(seconds, rate, watched, keep=True)
    finally:
        for variant in variants:
            await variant.sender.stop()
            await variant.receiver.stop()
    bare, ours = variants
    report.add(f"{driver}: commit to effect, p50", median(ours.p50), "ms", at_most=P50_MS)
    report.add(f"{driver}: commit to effect, p99", median(ours.p99), "ms", at_most=P99_MS)
    report.add(f"{driver}: the same bare, p50", median(bare.p50), "ms")
    report.add(f"{driver}: the same bare, p99", median(bare.p99), "ms")
    report.add(f"{driver}: ratio to bare, p50", median(ours.p50) / median(bare.p50), "x")
    report.add(f"{driver}: ratio to bare, p99", median(ours.p99) / median(bare.p99), "x")
    report.add(f"{driver}: transaction begun to effect, p50", median(ours.p50_begun), "ms")
    for name in ours.cpu:
        report.add(f"{driver}: CPU an event, {name}: ours", median(ours.cpu[name]), "ms")
        report.add(f"{driver}: CPU an event, {name}: bare", median(bare.cpu[name]), "ms")


async def main() -> int:
    """Run the benchmark and return its exit code."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--rate", type=float, help="events a second (default: 200 on the fast engine, 50 on the python one)")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of a round (default: 8)")
    options = parser.parse_args()
    engine = engine_to_use(options.engine)
    rate = options.rate or RATES[engine]
    async with engines(engine, options.broker) as parts:
        report = Report((__doc__ or "").strip(), {**parts.named, "rate": f"{rate:g}/s"})
        report.begin()
        for driver in [options.driver] if options.driver else DRIVERS:
            await measure(report, parts, driver, rate, options.seconds, options.rounds)
    return report.finish(options.json)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
