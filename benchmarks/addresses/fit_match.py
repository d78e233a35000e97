"""Fit the match model: `python -m benchmarks.addresses.fit_match` writes `services/addresses/domain/search/match_model.py`.

Made-up premises of two boroughs, of other seeds than the demo's and the benchmarks', and addresses as `asked` has them. Half of them fit
the logistic model (all candidates, ridge), the other half the curve (the best candidate of each, isotonic regression) and the thresholds.
How honest the result is on a seed that nothing was fitted on, `python -m benchmarks addresses_match` prints.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.addresses import calibration
from benchmarks.addresses.asked import asked, held
from benchmarks.addresses.noise import Written
from benchmarks.addresses.releases import premises
from services.addresses.domain.search import matching
from services.addresses.gazetteer.builds.full import build
from services.addresses.gazetteer.files.shipped_sources import Sources
from services.addresses.gazetteer.search.gazetteer import Gazetteer

NUMBERS = Path(matching.__file__).with_name("match_model.py")
SEEDS = (7, 8, 9)
"""Each makes a town and what is asked of it."""
RIDGE = 1.0
MOST_ROUNDS, RISES = 100, 1e-3
WANTED_PRECISION = 0.9965
"""Of what is taken as a match where one address in eight is not held; of addresses that all are held it is more."""
POSSIBLE_FROM = 0.2
FEWEST_IN_A_STEP = 100

Array = NDArray[Any]


def main() -> int:
    """Fit, write, and print how honest the result is on the half that the logistic model did not see."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--premises", type=int, default=110_000)
    parser.add_argument("--queries", type=int, default=24_000, help="addresses written (default: 24000)")
    parser.add_argument("--folder", type=Path, help="keep the releases there, for the next run")
    options = parser.parse_args()
    with TemporaryDirectory() as temporary, ProcessPoolExecutor(len(SEEDS)) as pool:
        towns = list(pool.map(partial(_town, options.folder or Path(temporary), options.premises, options.queries), SEEDS))
    fitted = _logistic(*(np.concatenate(parts) for parts in zip(*(_flat(half) for half, _ in towns), strict=True)))
    said, right = (np.concatenate(parts) for parts in zip(*(_best(half, fitted) for _, half in towns), strict=True))
    curve = _isotonic(said, right)
    confidences = np.interp(said, *curve)
    threshold = _threshold(confidences, right)
    _write(fitted, curve, threshold)
    found = calibration.bins(confidences.tolist(), right.tolist())
    taken = confidences >= threshold
    print(calibration.table(found))
    print(f"  taken as matches from {threshold:.4f}: {taken.mean():.3f} of all, {right[taken].mean():.4f} of them right")
    return 0


Asked = list[tuple[Array, Array]]
"""Of each query the features of its candidates, and which of them is right."""


def _town(folder: Path, count: int, queries: int, seed: int) -> tuple[Asked, Asked]:
    """Both halves of what is asked of a town."""
    everything = list(premises(count, seed))
    town = folder / f"{count}-{seed}"
    if not (town / "records").exists():
        town.mkdir(parents=True)
        build(town, held(everything), Sources())
    gazetteer = Gazetteer.open(town)
    found = [_candidates(gazetteer, query) for query in asked(everything, queries, seed)]
    gazetteer.close()
    found = [candidates for candidates in found if len(candidates[0])]
    return found[::2], found[1::2]


def _candidates(gazetteer: Gazetteer, query: Written) -> tuple[Array, Array]:
    candidates = gazetteer.matcher.candidates(query.text, query.postcode)[1]
    return np.array([each.numbers for each in candidates], float), np.array([each.uprn == query.uprn for each in candidates])


def _flat(half: Asked) -> tuple[Array, Array]:
    return np.concatenate([numbers for numbers, _ in half]), np.concatenate([right for _, right in half])


def _best(half: Asked, weights: Array) -> tuple[Array, Array]:
    """What the model says of the candidate that it is surest of, and whether that is right."""
    said, right = [], []
    for numbers, correct in half:
        raw = 1 / (1 + np.exp(-np.clip(numbers @ weights, -30, 30)))
        best = int(raw.argmax())
        said.append(raw[best])
        right.append(correct[best])
    return np.array(said), np.array(right)


def _logistic(rows: Array, right: Array) -> Array:
    """Newton's method for the likelihood with a ridge, in which the weights of `RISING` features are not negative.

    A weight that would be is held at 0, as long as the likelihood does not rise with it (an active set).
    """
    bound = np.array([name in matching.RISING for name in matching.FEATURES])
    free = np.ones(len(bound), bool)
    weights = np.zeros(len(bound))
    for _ in range(MOST_ROUNDS):
        weights = _unbounded(rows, right, free)
        below = bound & free & (weights < 0)
        if below.any():
            free &= ~below
            continue
        shares = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
        rising = ~free & (rows.T @ (right - shares) > RISES)
        if not rising.any():
            break
        free[int(np.argmax(np.where(rising, rows.T @ (right - shares), -np.inf)))] = True
    return np.where(bound, np.maximum(weights, 0.0), weights)


def _unbounded(rows: Array, right: Array, free: Array) -> Array:
    """The weights of `free` features; those of the others are 0."""
    weights, chosen = np.zeros(rows.shape[1]), rows[:, free]
    found = np.zeros(chosen.shape[1])
    ridge = RIDGE * np.eye(chosen.shape[1])
    for _ in range(50):
        shares = 1 / (1 + np.exp(-np.clip(chosen @ found, -30, 30)))
        slope = chosen.T @ (right - shares) - RIDGE * found
        step = np.linalg.solve((chosen * (shares * (1 - shares))[:, None]).T @ chosen + ridge, slope)
        found += step
        if np.abs(step).max() < 1e-6:
            break
    weights[free] = found
    return weights


def _isotonic(said: Array, right: Array) -> tuple[Array, Array]:
    """Pool adjacent violators, steps of at least `FEWEST_IN_A_STEP`; the curve goes through the middle of each step."""
    order = np.argsort(said, kind="stable")
    steps: list[list[float]] = []  # how many, sum of what was said, how many right
    for confidence, correct in zip(said[order], right[order], strict=True):
        steps.append([1, confidence, float(correct)])
        while len(steps) > 1 and (steps[-2][0] < FEWEST_IN_A_STEP or steps[-2][2] / steps[-2][0] >= steps[-1][2] / steps[-1][0]):
            last = steps.pop()
            steps[-1] = [one + other for one, other in zip(steps[-1], last, strict=True)]
    if len(steps) > 1 and steps[-1][0] < FEWEST_IN_A_STEP:
        last = steps.pop()
        steps[-1] = [one + other for one, other in zip(steps[-1], last, strict=True)]
    raws = [total / count for count, total, _ in steps]
    shares = [(correct + 0.5) / (count + 1) for count, _, correct in steps]  # never quite none or all
    return np.array(raws), np.maximum.accumulate(np.array(shares))


def _threshold(said: Array, right: Array) -> float:
    """The least confidence from which on enough are right."""
    order = np.argsort(-said, kind="stable")
    precision = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero(precision >= WANTED_PRECISION)
    return round(float(said[order][enough[-1]]), 4) if len(enough) else 1.0


def _write(weights: Array, curve: tuple[Array, Array], threshold: float) -> None:
    weighted = "".join(f"    {weight:.4f},  # {name}\n" for weight, name in zip(weights, matching.FEATURES, strict=True))
    raws, shares = ("".join(f"        {value:.6f},\n" for value in values) for values in curve)
    NUMBERS.write_text(
        '"""Weights, calibration curve and thresholds of the match model.\n\n'
        '`python -m benchmarks.addresses.fit_match` writes this file; do not edit it.\n"""\n\n'
        f"WEIGHTS = (\n{weighted})\nCURVE = (\n    (\n{raws}    ),\n    (\n{shares}    ),\n)\n"
        f'"""Outputs of the model, and the share of correct candidates at each."""\n'
        f"MATCH_FROM = {threshold}\nPOSSIBLE_FROM = {POSSIBLE_FROM}\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    sys.exit(main())
