"""Matching of noisy written addresses: how many are right, how sure it is and whether rightly, how fast; beside `uk-address-matcher`.

The noise is PyPI `address-errors` and habits of our own (`benchmarks/addresses/noise.py`), on made-up premises of another seed than those
that the model was fitted on. PyPI `uk-address-matcher` gets the same addresses in the same run where BENCHMARK_UK_ADDRESS_MATCHER names a
Python that has it, or this one has; it is no dependency. `python -m benchmarks addresses_match --premises 122000 --queries 20000`
"""

import argparse
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.addresses import calibration, uk_address_matcher
from benchmarks.addresses.asked import asked, held
from benchmarks.addresses.noise import Written, written
from benchmarks.addresses.releases import premises
from benchmarks.report import Report
from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.search.matching import Decision
from services.addresses.gazetteer.builds.full import build
from services.addresses.gazetteer.files.shipped_sources import Sources
from services.addresses.gazetteer.search.gazetteer import Gazetteer

BARS = {"with postcode": (97.5, 99.0), "postcode hidden": (93.0, 97.0)}
"""Least share that comes first and is right, and least share right of what is taken as a match, %."""
WANTED_SPEED = 10.0
WORST_CALIBRATION = 2.5
"""Points between what is said and what is right, from 0.5 on."""
FEWEST_TO_JUDGE = 300
SEED = 1


def main() -> int:
    """Build a release, write its addresses with noise, match them, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--premises", type=int, default=20_000, help="made up, eleven in twelve held (default: 20000; the bars are for 122000)"
    )
    parser.add_argument("--queries", type=int, default=1_000, help="addresses written (default: 1000; the bars are for 20000)")
    parser.add_argument("--plot", type=Path, default=Path("addresses_match_calibration.svg"), help="the reliability plot (SVG)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    ran_on = {"premises": f"{options.premises:,}", "queries": f"{options.queries:,}"}
    report = Report((__doc__ or "").partition("\n")[0], ran_on)
    report.begin()
    everything = list(premises(options.premises, SEED))
    with TemporaryDirectory() as directory:
        build(Path(directory), held(everything), Sources())
        gazetteer = Gazetteer.open(Path(directory))
        report.add("premises in the release", len(gazetteer), "")
        homes = [blpu for blpu in gazetteer.all_records() if blpu.delivery_point]
        queries = written(random.Random(SEED).sample(homes, min(options.queries, len(homes))), everything, SEED)
        speeds = {name: _report(report, name, gazetteer, texts) for name, texts in _both(queries).items()}
        _calibration(report, gazetteer, asked(everything, len(queries), SEED + 1), options.plot)
        _beside(report, homes, queries, speeds)
    return report.finish(options.json)


def _both(queries: Sequence[Written]) -> dict[str, Sequence[Written]]:
    return {"with postcode": queries, "postcode hidden": [Written(each.text, "", each.uprn) for each in queries]}


def _report(report: Report, name: str, gazetteer: Gazetteer, queries: Sequence[Written]) -> float:
    """Adds the figures; gives how many are matched in a second of CPU, where only the best is wanted."""
    first, precise = BARS[name] if len(queries) >= 20_000 else (None, None)
    began, cpu = time.perf_counter(), time.process_time()
    found = [gazetteer.match(each.text, each.postcode, limit=1) for each in queries]
    speed, cpu_speed = (len(queries) / seconds for seconds in (time.perf_counter() - began, time.process_time() - cpu))
    right = [bool(one.matches) and one.matches[0].uprn == each.uprn for one, each in zip(found, queries, strict=True)]
    taken = [correct for one, correct in zip(found, right, strict=True) if one.decision is Decision.MATCH]
    report.add(f"{name}: the right one comes first", 100 * sum(right) / len(right), "%", at_least=first)
    report.add(f"{name}: precision of what is taken as a match", 100 * sum(taken) / max(1, len(taken)), "%", at_least=precise)
    report.add(f"{name}: recall of what is taken as a match", 100 * sum(taken) / len(right), "%")
    report.add(f"{name}: speed, one thread", speed, "a second")
    report.add(f"{name}: speed, one thread, by CPU", cpu_speed, "a CPU s")
    return cpu_speed


def _calibration(report: Report, gazetteer: Gazetteer, queries: Sequence[Written], plot: Path) -> None:
    """Of addresses that the release holds and of such as it does not."""
    found = [(gazetteer.match(each.text, each.postcode, limit=1), each.uprn) for each in queries]
    said = [(one.matches[0].confidence, one.matches[0].uprn == uprn) for one, uprn in found if one.matches]
    taken = [one.matches[0].uprn == uprn for one, uprn in found if one.decision is Decision.MATCH]
    confidences, right = [confidence for confidence, _ in said], [correct for _, correct in said]
    held_in_bins = calibration.bins(confidences, right)
    print(calibration.table(held_in_bins), flush=True)
    calibration.plot(held_in_bins, plot)
    print(f"    plot: {plot}", flush=True)
    report.add("with addresses not held: precision of what is taken", 100 * sum(taken) / max(1, len(taken)), "%")
    report.add("calibration: mean distance of confidence and share right", 100 * calibration.expected_error(held_in_bins), "points")
    report.add(
        f"calibration: greatest distance in an interval of 0.05 with {calibration.FEWEST_JUDGED} or more",
        100 * calibration.worst(confidences, right),
        "points",
        at_most=WORST_CALIBRATION if len(queries) >= 20_000 else None,
    )
    for low, _, count, _, share in held_in_bins:
        if low == 0.9 and count >= FEWEST_TO_JUDGE:
            report.add("calibration: said to be 0.90 to 0.95 sure, right (bar: 90 to 95)", 100 * share, "%")


def _beside(report: Report, homes: Sequence[Blpu], queries: Sequence[Written], speeds: dict[str, float]) -> None:
    if not uk_address_matcher.is_installed():
        print("  uk-address-matcher is not installed: skipped (pip install uk-address-matcher)", flush=True)
        return
    for name, texts in _both(queries).items():
        answers, seconds, cpu = uk_address_matcher.match(homes, texts)
        right = [uprn == each.uprn for (uprn, _), each in zip(answers, texts, strict=True)]
        taken = [correct for (_, sure), correct in zip(answers, right, strict=True) if sure]
        report.add(f"{name}: uk-address-matcher, the right one comes first", 100 * sum(right) / len(right), "%")
        report.add(f"{name}: uk-address-matcher, precision of what it takes", 100 * sum(taken) / max(1, len(taken)), "%")
        report.add(f"{name}: uk-address-matcher, recall of what it takes", 100 * sum(taken) / len(right), "%")
        report.add(f"{name}: uk-address-matcher, speed", len(texts) / seconds, "a second")
        report.add(f"{name}: uk-address-matcher, speed, by CPU", len(texts) / cpu, "a CPU s")
        ratio = speeds[name] * cpu / len(texts)
        report.add(f"{name}: ratio of our speed to uk-address-matcher's, by CPU", ratio, "x", at_least=WANTED_SPEED)


if __name__ == "__main__":
    sys.exit(main())
