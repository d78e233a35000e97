"""Processor time of an authorised, traced, idempotent, transactional POST, against bare FastAPI with the same two writes."""

import asyncio
import sys

from benchmarks.processes import engines
from benchmarks.report import Report, arguments, engine_to_use
from benchmarks.web.comparison import compare

AT_MOST = 2.2
DRIVERS = ("motor", "pymongo")


async def main() -> int:
    """Run the benchmark. The bar holds for a process that only answers requests; the report also shows one with the relay."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--requests", type=int, default=600, help="requests a round (default: 600)")
    options = parser.parse_args()
    async with engines(engine_to_use(options.engine), options.broker) as parts:
        report = Report((__doc__ or "").strip(), {**parts.named, "requests": f"{options.requests} a round"})
        report.begin()
        for driver in [options.driver] if options.driver else DRIVERS:
            await compare(report, parts, "POST", driver, AT_MOST, options)
    return report.finish(options.json)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
