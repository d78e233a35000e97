"""Writing, reading and putting together AddressBase files of made-up premises, reading beside Python's csv module alone.

Times are CPU of one core. Each part runs in a process of its own, so that its memory is its own.
`python -m benchmarks addresses_files --premises 200000`; `--premises 4500000` for London, which takes 4.4 GB of disk.
"""

import argparse
import csv
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.report import Report
from services.addresses.domain.addressbase.formats.assemble import assemble
from services.addresses.domain.addressbase.formats.detect import ROWS_ENOUGH, detect_format
from services.addresses.domain.addressbase.incoming import Format
from services.addresses.gazetteer.builds.synthetic_files import generate_files

LEAST_PREMIUM_ROWS = 150_000
"""A second: London's 28 million are read in three minutes."""
MOST_WRITING_MB = 400
_SAMPLE = 50_000
"""Properties that are put together."""


def main() -> int:
    """Run each part in a process of its own, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--premises", type=int, default=100_000, help="in the files (default: 100000; 4500000 is London)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--part", choices=list(_PARTS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        _PARTS[options.part](options.folder, options.premises)
        return 0
    report = Report((__doc__ or "").partition("\n")[0], {"premises": f"{options.premises:,}"})
    report.begin()
    with TemporaryDirectory() as directory:
        written, alone, core, premium, assembled = (_in_a_process(part, Path(directory) / "files", options.premises) for part in _PARTS)
    report.add("writing Core and Premium, with making the premises", written["per_second"], "premises/s")
    report.add("writing: most memory", written["memory"], "MB", at_most=MOST_WRITING_MB)
    report.add("csv alone, Premium", alone["per_second"], "rows/s")
    report.add("reading Premium, with csv", premium["per_second"], "rows/s", at_least=LEAST_PREMIUM_ROWS)
    report.add("ratio of csv alone to reading Premium with csv", alone["per_second"] / premium["per_second"], "x")
    report.add("reading Premium: most memory", premium["memory"], "MB")
    report.add("reading Core, with csv", core["per_second"], "rows/s")
    report.add("putting together from Premium's records", 1e6 / assembled["per_second"], "us each")
    return report.finish(options.json)


def _write(folder: Path, premises: int) -> None:
    began = time.process_time()
    generate_files(premises, 1, folder, lambda _: None)
    _tell(premises, began)


def _csv_alone(folder: Path, _: int) -> None:
    began = time.process_time()
    _tell(sum(1 for _ in _rows(folder, "Premium")), began)


def _read_premium(folder: Path, _: int) -> None:
    _read(folder, "Premium")


def _read_core(folder: Path, _: int) -> None:
    _read(folder, "Core")


def _read(folder: Path, product: str) -> None:
    began, count = time.process_time(), 0
    for path in _files(folder, product):
        reader = _reader(path)
        for row in _rows_of(path):
            count += 1
            for _ in reader.read(row):
                pass
        reader.end()
    _tell(count, began)


def _assemble(folder: Path, premises: int) -> None:
    held: dict[int, dict[str, tuple[str, ...]]] = {}
    properties = 0
    for path in _files(folder, "Premium"):
        reader = _reader(path)
        for row in _rows_of(path):
            for incoming in reader.read(row):
                properties += incoming.key > 0 and incoming.key not in held
                held.setdefault(incoming.key, {})[incoming.part] = incoming.fields
            if properties > _SAMPLE:
                break
    uprns = sorted(key for key in held if key > 0)[: min(_SAMPLE, premises)]
    began = time.process_time()
    for uprn in uprns:
        assemble(uprn, held[uprn], lambda usrn: held.get(-usrn, {}))
    _tell(len(uprns), began)


def _reader(path: Path) -> Format:
    reader = detect_format(list(islice(_rows_of(path), ROWS_ENOUGH)))
    if not isinstance(reader, Format):
        raise TypeError(f"{path.name} is not a file of addresses")
    return reader


def _files(folder: Path, product: str) -> list[Path]:
    return sorted(folder.glob(f"*AddressBase{product}*.csv"))


def _rows(folder: Path, product: str) -> Iterator[list[str]]:
    for path in _files(folder, product):
        yield from _rows_of(path)


def _rows_of(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.reader(lines)


def _tell(count: int, began: float) -> None:
    seconds = time.process_time() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"per_second": count / seconds, "memory": memory}))


_PARTS = {"write": _write, "csv": _csv_alone, "core": _read_core, "premium": _read_premium, "assemble": _assemble}


def _in_a_process(part: str, folder: Path, premises: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.addresses_files", "--part", part, "--premises", str(premises), "--folder", str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(ended.stdout)
    return figures


if __name__ == "__main__":
    sys.exit(main())
