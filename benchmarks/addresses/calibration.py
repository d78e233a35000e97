"""Whether confidences are honest: a reliability table, and its plot as an SVG that needs no library."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

EDGES = (0.0, 0.1, 0.3, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 1.0 + 1e-9)
JUDGED = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0 + 1e-9)
FEWEST_JUDGED = 200
"""Matches in an interval: of fewer the share that is right says little."""
Bin = tuple[float, float, int, float, float]


def bins(said: Sequence[float], right: Sequence[bool], edges: Sequence[float] = EDGES) -> list[Bin]:
    """Of each interval that something was said in: its ends, how many, their mean confidence, the share that was right."""
    found = []
    for low, high in pairwise(edges):
        inside = [at for at, confidence in enumerate(said) if low <= confidence < high]
        if inside:
            mean, share = (sum(values[at] for at in inside) / len(inside) for values in (said, right))
            found.append((low, min(high, 1.0), len(inside), mean, share))
    return found


def expected_error(found: Sequence[Bin]) -> float:
    """The mean distance between confidence and share, weighted by how many there are (ECE)."""
    return sum(count * abs(mean - share) for _, _, count, mean, share in found) / max(1, sum(row[2] for row in found))


def worst(said: Sequence[float], right: Sequence[bool]) -> float:
    """The greatest distance between confidence and share in an interval of 0.05 from 0.5 on that enough was said in."""
    judged = [row for row in bins(said, right, JUDGED) if row[2] >= FEWEST_JUDGED]
    return max((abs(mean - share) for _, _, _, mean, share in judged), default=0.0)


def table(found: Sequence[Bin]) -> str:
    """As it is printed."""
    rows = [f"    {low:.2f} to {high:.2f} {count:>7,} {mean:>9.3f} {share:>9.3f}" for low, high, count, mean, share in found]
    return "\n".join([f"    {'said':<12} {'matches':>7} {'mean':>9} {'right':>9}", *rows])


def plot(found: Sequence[Bin], file: Path) -> None:
    """Confidence against the share that was right; the diagonal is honesty, a dot's area how many there are."""
    most = max((row[2] for row in found), default=1)
    dots = "".join(
        f'<circle cx="{40 + 400 * mean:.1f}" cy="{420 - 400 * share:.1f}" r="{3 + 12 * (count / most) ** 0.5:.1f}" fill="#1d70b8" '
        f'fill-opacity=".7"><title>{count} said {mean:.3f}, {share:.3f} right</title></circle>'
        for _, _, count, mean, share in found
    )
    labels = "".join(
        f'<text x="{40 + 40 * at}" y="440" text-anchor="middle">{at / 10:.1f}</text><text x="34" y="{424 - 40 * at}" '
        f'text-anchor="end">{at / 10:.1f}</text>'
        for at in range(0, 11, 2)
    )
    file.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 470 470" font-family="sans-serif" font-size="12">'
        '<title>Confidence said, and share of matches that were right</title><rect width="470" height="470" fill="#fff"/>'
        '<path d="M40 20V420H440" fill="none" stroke="#0b0c0c"/><path d="M40 420L440 20" stroke="#b1b4b6" stroke-dasharray="4"/>'
        f'{labels}<text x="240" y="460" text-anchor="middle">confidence said</text>{dots}</svg>\n',
        encoding="utf-8",
    )
