"""Processor time of a traced and authorised GET, against a bare FastAPI app with the same response; each server is a process."""

import asyncio
import sys

from benchmarks.processes import engines
from benchmarks.report import Report, arguments, engine_to_use
from benchmarks.web.comparison import compare

AT_MOST = 2.8


async def main() -> int:
    """Run the benchmark; GETs read no database, so one driver is enough."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--requests", type=int, default=3000, help="requests a round (default: 3000)")
    options = parser.parse_args()
    async with engines(engine_to_use(options.engine), options.broker) as parts:
        report = Report((__doc__ or "").strip(), {**parts.named, "requests": f"{options.requests} a round"})
        report.begin()
        await compare(report, parts, "GET", options.driver or "motor", AT_MOST, options)
    return report.finish(options.json)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
