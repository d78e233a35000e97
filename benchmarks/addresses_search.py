"""Search of the gazetteer beside raw tantivy (any of the words, plain BM25) on the same addresses: one thread, in process, no HTTP.

Prints p50 and p99 of each by kind of query, their ratio, how often the address meant comes first, and the memory of a serving process. Raw
tantivy finds no beginnings of words, so that on what is being typed it is fast and empty.
`python -m benchmarks addresses_search --premises 100000`; `--premises 4500000 --folder DIR` for London, kept for the next run.
"""

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import tantivy

from benchmarks.addresses.noise import by_habit
from benchmarks.addresses.releases import LONDON, release_of
from benchmarks.report import Report, median, memory_mb, percentile
from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.addressbase.single_line import line
from services.addresses.gazetteer.search.gazetteer import Gazetteer

BAR_MS = 1.0
"""p99 of a query at 4.5 million."""
WORKER_MB = 600


def main() -> int:
    """Build a release or open one, ask both, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--premises", type=int, default=100_000, help="in the release (default: 100000; 4500000 is London)")
    parser.add_argument("--queries", type=int, default=1_000, help="queries of each kind (default: 1000)")
    parser.add_argument("--folder", type=Path, help="keep the release there, or use the one that is there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    ran_on = {"premises": f"{options.premises:,}", "queries": str(options.queries)}
    report = Report((__doc__ or "").partition("\n")[0], ran_on)
    report.begin()
    with TemporaryDirectory() as directory, release_of(options.premises, folder=options.folder) as folder:
        gazetteer = Gazetteer.open(folder)
        reference = Reference(Path(directory) / "reference", gazetteer)
        engines = Engines(lambda text: [found.uprn for found in gazetteer.search(text, 10)], reference.search)
        dice = random.Random(3)
        uprns = [int(gazetteer.uprns[row]) for row in dice.sample(range(len(gazetteer)), 2 * options.queries)]
        sample = [blpu for blpu in gazetteer.records(uprns) if blpu.delivery_point][: options.queries]
        at_most = BAR_MS if options.premises >= LONDON else None
        for name, put in _KINDS.items():
            _compare(report, name, [(put(blpu, dice), blpu.uprn) for blpu in sample], engines, at_most)
        _memory(report, folder, [_noisy(blpu, dice) for blpu in sample], at_most)
    return report.finish(options.json)


def _typed(blpu: Blpu, dice: random.Random) -> str:
    """The beginning of a number and a street, or of a street."""
    lpi = blpu.lpis[0]
    typed = f"{lpi.pao} {lpi.street}".strip()
    return typed[: dice.randint(1, max(2, len(typed) - 3))]


def _noisy(blpu: Blpu, dice: random.Random) -> str:
    each = by_habit(blpu, dice)
    return f"{each.text} {each.postcode}"


_KINDS: dict[str, Callable[[Blpu, random.Random], str]] = {
    "postcode": lambda blpu, _: blpu.postcode,
    "typeahead": _typed,
    "noisy full address": _noisy,
    "noisy, no postcode": lambda blpu, dice: by_habit(blpu, dice).text,
}


@dataclass(frozen=True)
class Engines:
    """Both, as functions from a text to UPRNs, best first; ours may also find streets, which have none."""

    search: Callable[[str], Sequence[int | None]]
    raw: Callable[[str], Sequence[int | None]]


class Reference:
    """What tantivy does by itself: the line of each address, its default analyser, any of the words, BM25."""

    def __init__(self, folder: Path, gazetteer: Gazetteer) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("uprn", stored=True)
        builder.add_text_field("line", stored=True)
        schema = builder.build()
        folder.mkdir()
        self._index = tantivy.Index(schema, path=str(folder))
        writer = self._index.writer(400_000_000, 1)
        for blpu in gazetteer.all_records():
            document = tantivy.Document()
            document.add_unsigned("uprn", blpu.uprn)
            document.add_text("line", line(blpu))
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()

    def search(self, text: str) -> list[int | None]:
        """UPRNs, best first."""
        words = "".join(letter if letter.isalnum() else " " for letter in text)
        query, _ = self._index.parse_query_lenient(words, ["line"])
        return [int(self._searcher.doc(address)["uprn"][0]) for _, address in self._searcher.search(query, 10, count=False).hits]


def _compare(report: Report, name: str, asked: Sequence[tuple[str, int]], engines: Engines, at_most: float | None) -> None:
    texts = [text for text, _ in asked]
    (ours, cpu), (raw, _) = _times(engines.search, texts), _times(engines.raw, texts)
    report.add(f"{name}: search, p50", median(ours), "ms")
    report.add(f"{name}: search, p99", percentile(ours, 0.99), "ms", at_most=at_most)
    report.add(f"{name}: search, p50, CPU", median(cpu), "ms")
    report.add(f"{name}: search, p99, CPU", percentile(cpu, 0.99), "ms", at_most=at_most)
    report.add(f"{name}: raw tantivy, p50", median(raw), "ms")
    report.add(f"{name}: raw tantivy, p99", percentile(raw, 0.99), "ms")
    report.add(f"{name}: ratio of raw tantivy to search, p50", median(raw) / median(ours), "x")
    report.add(f"{name}: ratio of raw tantivy to search, p99", percentile(raw, 0.99) / percentile(ours, 0.99), "x")
    if name.startswith("noisy"):
        for engine, ask in (("search", engines.search), ("raw tantivy", engines.raw)):
            right = sum(next(iter(ask(text)), None) == uprn for text, uprn in asked)
            report.add(f"{name}: {engine}, the address meant comes first", 100 * right / len(asked), "%")


def _times(ask: Callable[[str], object], texts: Sequence[str]) -> tuple[list[float], list[float]]:
    """Milliseconds of each and those of CPU, in order of size; a tenth is asked before, so that caches are as they are in service."""
    for text in texts[: len(texts) // 10]:
        ask(text)
    times, cpu = [], []
    for text in texts:
        began, began_cpu = time.perf_counter(), time.thread_time()
        ask(text)
        times.append((time.perf_counter() - began) * 1000)
        cpu.append((time.thread_time() - began_cpu) * 1000)
    return sorted(times), sorted(cpu)


_WORKER = """
import sys
from pathlib import Path
from services.addresses.gazetteer.search.gazetteer import Gazetteer
gazetteer = Gazetteer.open(Path(sys.argv[1]))
for text in sys.stdin:
    if text == "ready\\n":
        print("ready", flush=True)
    else:
        gazetteer.search(text, 10)
"""


def _memory(report: Report, folder: Path, texts: Sequence[str], at_most: float | None) -> None:
    """Two processes that only serve, after the same queries: what one holds, and what the other adds."""
    command = [sys.executable, "-c", _WORKER, str(folder)]
    workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) for _ in range(2)]
    try:
        for worker in workers:
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write("".join(f"{text}\n" for text in texts) + "ready\n")
            worker.stdin.flush()
            worker.stdout.readline()
        resident = memory_mb(workers[0].pid)
        report.add("memory of a serving process (RSS)", resident, "MB", at_most=WORKER_MB if at_most else None)
        report.add("what a second serving process adds (private pages)", _private_mb(workers[1].pid), "MB")
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def _private_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(each.split()[1]) for each in lines if each.startswith("Private_")) * 1024 / 1e6


if __name__ == "__main__":
    sys.exit(main())
