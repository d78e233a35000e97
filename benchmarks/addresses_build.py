"""Building a release beside raw tantivy indexing, each in a process of its own: time, memory, disk.

Raw tantivy stands twice: indexing one line of each record, which is the least that finds an address; and indexing the same texts that a
release makes findable, which are every way to write it and where it lies. It keeps no records, columns, vocabulary or postcodes.
Records are generated while both run; the time that the generator takes is measured as it goes and left out of wall time and CPU. Indexing
threads run meanwhile on another core, so that wall time flatters raw tantivy, which has little else to do: CPU is the fairer ratio.
`python -m benchmarks addresses_build --premises 100000`; `--premises 4500000` for London.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import tantivy

from benchmarks.addresses.releases import LONDON, premises
from benchmarks.report import Report
from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.addressbase.single_line import line, lpi_line
from services.addresses.gazetteer.builds.full import build
from services.addresses.gazetteer.files.shipped_sources import Sources

MOST_RATIO, MOST_BUILD_MB, MOST_DISK_MB = 1.3, 1_500, 1_000


def main() -> int:
    """Run each part in a process of its own, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--premises", type=int, default=100_000, help="in the release (default: 100000; 4500000 is London)")
    parser.add_argument("--folder", type=Path, help="build the release there, and keep it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--part", choices=list(_PARTS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        _run(options.part, options.premises, options.folder)
        return 0
    report = Report((__doc__ or "").partition("\n")[0], {"premises": f"{options.premises:,}"})
    report.begin()
    all_of_london = options.premises >= LONDON
    with TemporaryDirectory() as directory:
        raw = _in_a_process("raw", options.premises, Path(directory) / "raw")
        same = _in_a_process("same", options.premises, Path(directory) / "same")
        ours = _in_a_process("build", options.premises, options.folder or Path(directory) / "release")
    for name, part in (("release", ours), ("raw tantivy", raw), ("raw tantivy, same texts", same)):
        report.add(f"{name}: time", part["seconds"], "s")
        report.add(f"{name}: CPU, all threads", part["cpu"], "s")
        at_most = (MOST_BUILD_MB, MOST_DISK_MB) if name == "release" and all_of_london else (None, None)
        report.add(f"{name}: most memory", part["memory"], "MB", at_most=at_most[0])
        report.add(f"{name}: on disk", part["disk"], "MB", at_most=at_most[1])
    report.add(
        "ratio of release to raw tantivy, time", ours["seconds"] / raw["seconds"], "x", at_most=MOST_RATIO if all_of_london else None
    )
    report.add("ratio of release to raw tantivy, CPU", ours["cpu"] / raw["cpu"], "x")
    report.add("ratio of release to raw tantivy of the same texts, time", ours["seconds"] / same["seconds"], "x")
    report.add("ratio of release to raw tantivy of the same texts, CPU", ours["cpu"] / same["cpu"], "x")
    return report.finish(options.json)


class Generated:
    """The records, and the time that generating them takes."""

    def __init__(self, count: int) -> None:
        self.seconds = self.cpu = 0.0
        self._records = premises(count)

    def __iter__(self) -> Iterator[Blpu]:
        while True:
            began, cpu = time.perf_counter(), time.thread_time()
            batch = list(islice(self._records, 1_000))
            self.seconds += time.perf_counter() - began
            self.cpu += time.thread_time() - cpu
            if not batch:
                return
            yield from batch


def _raw(records: Iterable[Blpu], folder: Path) -> None:
    folder.mkdir()
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("uprn", stored=True)
    builder.add_text_field("line", stored=True)
    writer = tantivy.Index(builder.build(), path=str(folder)).writer(400_000_000, 1)
    for blpu in records:
        document = tantivy.Document()
        document.add_unsigned("uprn", blpu.uprn)
        document.add_text("line", line(blpu))
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()


def _same_texts(records: Iterable[Blpu], folder: Path) -> None:
    """The lines of the delivery point and of each LPI, the organisation, town, borough, district and sector."""
    folder.mkdir()
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("uprn", stored=True)
    builder.add_text_field("line", stored=True)
    builder.add_text_field("area")
    writer = tantivy.Index(builder.build(), path=str(folder)).writer(400_000_000, 1)
    for blpu in records:
        document = tantivy.Document()
        document.add_unsigned("uprn", blpu.uprn)
        document.add_text("line", line(blpu))
        for lpi in blpu.lpis:
            document.add_text("line", lpi_line(lpi, blpu.postcode_locator, blpu.organisation))
            document.add_text("area", f"{lpi.locality} {lpi.town} {lpi.administrative_area}")
        document.add_text("area", f"{blpu.borough} {blpu.postcode[:-4]} {blpu.postcode[:-2]}")
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()


def _build(records: Iterable[Blpu], folder: Path) -> None:
    folder.mkdir(parents=True)
    build(folder, records, Sources())


_PARTS = {"raw": _raw, "same": _same_texts, "build": _build}


def _run(part: str, count: int, folder: Path) -> None:
    records = Generated(count)
    began = time.perf_counter()
    _PARTS[part](records, folder)
    seconds = time.perf_counter() - began - records.seconds
    used = resource.getrusage(resource.RUSAGE_SELF)
    disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    figures = {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime - records.cpu, "memory": used.ru_maxrss * 1024 / 1e6}
    print(json.dumps({**figures, "disk": disk / 1e6}))


def _in_a_process(part: str, count: int, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.addresses_build", "--part", part, "--premises", str(count), "--folder", str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    figures: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return figures


if __name__ == "__main__":
    sys.exit(main())
