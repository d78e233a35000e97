"""The quality gate's report as one HTML page, without scripts or external resources; its table repeats the map in words."""

from collections.abc import Sequence
from math import log
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, StrictUndefined

from services.addresses.domain.releases.quality import COUNTED, Check, CheckName, GateResult

from .manifest import Manifest

_TEMPLATE = Path(__file__).with_name("quality_report.html")
_GOLDEN_ANGLE = 137.5
"""Degrees between the hues of consecutive boroughs, so that neighbours in the list differ most."""


class Cell(NamedTuple):
    """A square of the map, numbered from the west and from the south."""

    column: int
    row: int
    borough: str
    """GSS code of the borough with most premises in the square."""
    premises: int


class _Square(NamedTuple):
    x: int
    y: int
    colour: str
    title: str


def page(gate_result: GateResult, manifest: Manifest, cells: Sequence[Cell], ground: Sequence[tuple[int, int]]) -> str:
    """Render the report as HTML."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"value": shown_value, "limit": shown_limit}
    hues = {borough.code: round(at * _GOLDEN_ANGLE % 360) for at, borough in enumerate(gate_result.boroughs)}
    names = {borough.code: borough.name for borough in gate_result.boroughs}
    places = [*ground, *((cell.column, cell.row) for cell in cells)]
    west, east = (f(column for column, _ in places) if places else 0 for f in (min, max))
    south, north = (f(row for _, row in places) if places else 0 for f in (min, max))
    most = max((cell.premises for cell in cells), default=1)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        gate_result=gate_result,
        counts=manifest.counts,
        editions=manifest.editions,
        attribution=manifest.attribution,
        failed=[each for each in gate_result.checks if not each.passed],
        hues=hues,
        width=east - west + 1,
        height=north - south + 1,
        ground=[(column - west, north - row) for column, row in ground],
        squares=[
            _Square(
                cell.column - west,
                north - cell.row,
                f"hsl({hues[cell.borough]} 65% {85 - 50 * log(1 + cell.premises) / log(1 + most):.0f}%)",
                f"{names[cell.borough]}: {cell.premises:,}",
            )
            for cell in cells
        ],
    )


def shown_value(check: Check) -> str:
    """Format a check's value: `1.25%`, or a count."""
    return f"{check.value:,.0f}" if check.name in COUNTED else f"{check.value:.2%}"


def shown_limit(check: Check) -> str:
    """Format a check's limit: `at most 5%`."""
    if check.name is CheckName.PREMISES:
        return f"at least {check.limit:,.0f}"
    return f"at most {check.limit:,.0f}" if check.name in COUNTED else f"at most {check.limit:.2%}"
