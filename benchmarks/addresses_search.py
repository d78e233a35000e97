"""Search of the gazetteer against a plain `LIKE '%...%'`, shortest line first, over the same addresses: one run, one thread, no HTTP.

Prints p50 and p99 of each, by kind of query, and their ratio; it has no bar. `python -m benchmarks addresses_search --queries 300`
"""

import argparse
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring import Report, median, percentile
from services.addresses.adapters.gazetteer import Found, Gazetteer
from services.addresses.adapters.release import GAZETTEER, current, ensure
from services.addresses.adapters.sources import Sources
from services.addresses.domain.postcode import PartialPostcode
from services.addresses.search import search

REFERENCE_QUERIES = 40
"""How many of each kind the reference is asked at most: it is slow."""


def main() -> int:
    """Build a release, ask both, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=300, help="queries of each kind (default: 300)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    report = Report((__doc__ or "").partition("\n")[0], {"engine": "none (SQLite, both)", "queries": str(options.queries), "bar": "none"})
    report.begin()
    with tempfile.TemporaryDirectory() as directory:
        began = time.perf_counter()
        ensure(Path(directory), Sources(), 1)
        report.add("building a release", time.perf_counter() - began, "s")
        gazetteer = Gazetteer.open(current(Path(directory))[0] / GAZETTEER)
        premises = [found for outward in ("E8", "NW5") for live in gazetteer.beginning_with(PartialPostcode(outward), None, 2000)
                    for found in gazetteer.at(live.postcode)]  # fmt: skip
        reference = _reference(gazetteer)
        sample = random.Random(3).sample(premises, options.queries)
        for name, typed in _KINDS.items():
            ours = _times(lambda text: search(gazetteer, text, limit=10), [typed(found) for found in sample])
            like = _times(lambda text: _like(reference, text), [typed(found) for found in sample[:REFERENCE_QUERIES]])
            report.add(f"{name}: search, p50", median(ours), "ms")
            report.add(f"{name}: search, p99", percentile(ours, 0.99), "ms")
            report.add(f"{name}: LIKE, p50", median(like), "ms")
            report.add(f"{name}: LIKE, p99", percentile(like, 0.99), "ms")
            report.add(f"{name}: ratio of LIKE to search, p50", median(like) / median(ours), "x")
    return report.finish(options.json)


_KINDS: dict[str, Callable[[Found], str]] = {
    "whole postcode": lambda found: found.delivery.postcode,
    "whole address": lambda found: found.delivery.line(),
    "without postcode": lambda found: found.delivery.searchable(),
    "street being typed": lambda found: found.delivery.street[:6],
    "number and street begun": lambda found: f"{found.delivery.building_number} {found.delivery.street[:5]}",
}


def _reference(gazetteer: Gazetteer) -> sqlite3.Connection:
    """Every address line of the same release in a table of its own, in memory."""
    reference = sqlite3.connect(":memory:")
    reference.execute("CREATE TABLE lines (line TEXT)")
    everywhere = (
        live for outward in sorted(gazetteer.outwards) for live in gazetteer.beginning_with(PartialPostcode(f"{outward} "), None, 100_000)
    )
    reference.executemany(
        "INSERT INTO lines VALUES (?)", ((found.delivery.line(),) for live in everywhere for found in gazetteer.at(live.postcode))
    )
    return reference


def _like(reference: sqlite3.Connection, text: str) -> list[tuple[str]]:
    words = text.replace(",", " ").split()
    where = " AND ".join("line LIKE ?" for _ in words)
    statement = f"SELECT line FROM lines WHERE {where} ORDER BY length(line) LIMIT 10"  # noqa: S608 (marks only)
    return reference.execute(statement, [f"%{word}%" for word in words]).fetchall()


def _times(ask: Callable[[str], object], texts: list[str]) -> list[float]:
    """Milliseconds of each, in order of size."""
    times = []
    for text in texts:
        began = time.perf_counter()
        ask(text)
        times.append((time.perf_counter() - began) * 1000)
    return sorted(times)


if __name__ == "__main__":
    sys.exit(main())
