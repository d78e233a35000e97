"""Time from `blocks up` to ready, after installation: the first start, which loads all data, and later starts."""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.blocks_up import blocks_up
from benchmarks.report import Report, arguments, engine_to_use, median

FIRST_AT_MOST, LATER_AT_MOST = 60, 15


async def main() -> int:
    """Run the benchmark and return its exit code."""
    parser = arguments(__doc__ or "")
    parser.set_defaults(engine="python")
    options = parser.parse_args()
    engine = engine_to_use(options.engine)
    report = Report((__doc__ or "").strip(), {"engine": engine, "broker": options.broker})
    report.begin()
    choice = ("--engine", engine, "--broker", options.broker)
    with TemporaryDirectory(prefix="blocks-bench-") as name:
        async with blocks_up(Path(name), *choice) as first:
            report.add("first start, with its data", first.seconds, "s", at_most=FIRST_AT_MOST)
        later = []
        for _ in range(options.rounds):
            (Path(name) / "ready.json").unlink(missing_ok=True)
            async with blocks_up(Path(name), *choice) as again:
                later.append(again.seconds)
        report.add("later starts, the median", median(later), "s", at_most=LATER_AT_MOST)
        report.add("first start against a later one", first.seconds / median(later), "x")
    return report.finish(options.json)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
