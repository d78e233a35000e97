"""PyPI `uk-address-matcher` (Ministry of Justice) on the same addresses. Its dependencies are not ours, so it runs in a Python that has it.

That Python is the one named by BENCHMARK_UK_ADDRESS_MATCHER, else this one.
"""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.addresses.noise import Written
from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.addressbase.single_line import line

SURE = 10.0, 5.0
"""Match weight and distinguishability from which an answer is counted as taken: our choice, for its answers come without a decision."""

_SCRIPT = """
import json, sys, time
import duckdb
from uk_address_matcher import AddressMatcher
con = duckdb.connect()
con.execute("SET threads = 1")
read = lambda name: con.read_csv(f"{sys.argv[1]}/{name}.csv", all_varchar=True)
began, cpu = time.perf_counter(), time.process_time()
result = AddressMatcher(canonical_addresses=read("canonical"), addresses_to_match=read("messy"), con=con).match()
found = result.matches()
columns = found.columns
rows = found.fetchall()
seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
at = {name: columns.index(name) for name in ("unique_id", "resolved_canonical_id", "match_weight", "distinguishability", "match_reason")}
answer = {"seconds": seconds, "cpu": cpu, "rows": [[row[place] for place in at.values()] for row in rows]}
json.dump(answer, open(f"{sys.argv[1]}/answer.json", "w"), default=str)
"""


def _python() -> str:
    return os.environ.get("BENCHMARK_UK_ADDRESS_MATCHER", sys.executable)


def is_installed() -> bool:
    """Whether that Python has it."""
    tried = subprocess.run([_python(), "-c", "import uk_address_matcher"], capture_output=True, check=False)
    return tried.returncode == 0


def match(homes: Sequence[Blpu], queries: Sequence[Written]) -> tuple[list[tuple[int | None, bool]], float, float]:
    """For each query the UPRN that it gives, and whether it is sure; and the seconds and CPU seconds, cleaning of both sides included."""
    with TemporaryDirectory() as directory:
        folder = Path(directory)
        _write(
            folder / "canonical.csv",
            ((str(blpu.uprn), line(blpu).removesuffix(blpu.postcode).rstrip(", "), blpu.postcode) for blpu in homes),
        )
        _write(folder / "messy.csv", ((str(at), each.text, each.postcode) for at, each in enumerate(queries)))
        subprocess.run([_python(), "-c", _SCRIPT, directory], check=True, capture_output=True, cwd=directory)
        answer = json.loads((folder / "answer.json").read_bytes())
    found: list[tuple[int | None, bool]] = [(None, False)] * len(queries)
    for number, uprn, weight, distinct, reason in answer["rows"]:
        if uprn is not None:
            exact = weight is None and "exact" in str(reason)
            sure = exact or ((weight or 0) >= SURE[0] and (distinct is None or float(distinct) >= SURE[1]))
            found[int(number)] = (int(uprn), sure)
    return found, float(answer["seconds"]), float(answer["cpu"])


def _write(file: Path, rows: Iterable[tuple[str, str, str]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(("unique_id", "address_concat", "postcode"))
        writer.writerows(rows)
