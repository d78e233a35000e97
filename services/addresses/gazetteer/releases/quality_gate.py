"""Checks the quality of a release before activation, from its columns and those of the live release."""

import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from services.addresses.domain.geography.boroughs import BOROUGHS
from services.addresses.domain.geography.postcode import Postcode
from services.addresses.domain.releases.quality import Borough, Compared, Facts, GateResult, check
from services.addresses.gazetteer.files.columns import Column, map_file, open_column
from services.addresses.gazetteer.files.index_schema import FIRST_TOKEN
from services.addresses.gazetteer.files.postcodes import Postcodes
from services.addresses.gazetteer.files.premises import HISTORICAL, SHELL, PremisesFiles

from . import local
from .import_results import imported_as, job_of
from .integrity import checked
from .manifest import DamagedReleaseError, Manifest
from .quality_report import Cell, page

LONDON = (503_000, 155_000, 562_500, 201_500)
"""Greater London's bounding box on the National Grid: west, south, east and north in metres, rounded outwards."""
CELL = 1_000
"""Side of a square of the map, in metres."""
_A_PIECE = 1 << 18
"""Rows whose tokens are compared at once."""
_ODD = np.uint64(0x9E3779B97F4A7C15)


def judge(data_dir: Path, release_id: str, accepted: Collection[str] = ()) -> GateResult:
    """Check a release and write `report.json` and `report.html` into `report_folder`.

    Raises `DamagedReleaseError` if its files do not match the manifest, OSError.
    """
    folder, manifest = checked(data_dir, release_id)
    premises = PremisesFiles(folder)
    in_use = (premises.marks & HISTORICAL) == 0
    facts = _facts(folder, premises, in_use)
    before = _to_compare(data_dir, release_id)
    compared = replace(_compared(before[0], premises.uprns[in_use]), **_order(data_dir, release_id)) if before else None
    codes = sorted({*facts.by_borough, *(compared.by_borough if compared else {})})
    boroughs = tuple(
        Borough(code, BOROUGHS[code].name if code in BOROUGHS else code, compared.by_borough.get(code, 0) if compared else None,
                facts.by_borough.get(code, 0))
        for code in codes
    )  # fmt: skip
    gate_result = GateResult(release_id, before[1].release if before else "", tuple(check(facts, compared, accepted=accepted)), boroughs)
    reports = report_folder(data_dir, release_id)
    reports.mkdir(parents=True, exist_ok=True)
    (reports / "report.json").write_text(json.dumps(gate_result.as_json(), indent=2) + "\n", encoding="utf-8")
    rendered = page(gate_result, manifest, _cells(premises, in_use), _ground(folder))
    (reports / "report.html").write_text(rendered, encoding="utf-8")
    return gate_result


def report_folder(data_dir: Path, release_id: str) -> Path:
    """Return the folder of a release's reports: that of its import, or one named after the release."""
    return job_of(data_dir, release_id) or data_dir / "imports" / release_id


def _to_compare(data_dir: Path, release_id: str) -> tuple[Path, Manifest] | None:
    """Return the live release to compare with. Returns None if it is the checked one, is made up (its UPRNs exist nowhere else), or cannot
    be read."""
    try:
        folder, manifest = local.current(data_dir)
    except (FileNotFoundError, DamagedReleaseError):
        return None
    return None if manifest.release == release_id or manifest.recipe.made_up else (folder, manifest)


def _facts(folder: Path, premises: PremisesFiles, in_use: Column) -> Facts:
    points = premises.points
    west, south, east, north = (metres * 100 for metres in LONDON)
    inside = (points.eastings >= west) & (points.eastings <= east) & (points.northings >= south) & (points.northings <= north)
    addressed = in_use & ((premises.marks & SHELL) == 0)
    coded = premises.postcode_numbers
    empty, unknown = _doubtful_postcodes(folder, premises.postcode_codes)
    parents, children = premises.parents
    used = in_use[children]
    at = np.minimum(premises.uprns.searchsorted(parents), max(len(premises) - 1, 0))
    orphaned = premises.uprns[at] != parents if len(premises) else np.zeros(0, bool)
    return Facts(
        premises=int(in_use.sum()),
        by_borough=_by_borough(premises, in_use),
        misplaced=int((in_use & ~inside).sum()),
        addressed=int(addressed.sum()),
        duplicates=_duplicates(folder, premises, addressed),
        no_postcode=int((in_use & empty[coded]).sum()),
        unknown_postcode=int((in_use & unknown[coded]).sum()),
        children=int(used.sum()),
        orphans=int((orphaned & used).sum()),
    )


def _by_borough(premises: PremisesFiles, in_use: Column) -> dict[str, int]:
    counts = np.bincount(premises.boroughs[in_use], minlength=len(premises.borough_codes)).tolist()
    return {code: count for code, count in zip(premises.borough_codes, counts, strict=False) if count}


def _doubtful_postcodes(folder: Path, codes: list[str]) -> tuple[Column, Column]:
    """Return per postcode of premises whether it is empty, and whether the release holds it neither as live nor as terminated."""
    postcodes = Postcodes(folder)
    try:
        known = [bool((parsed := Postcode.parse(code)) and (postcodes.postcode(parsed) or postcodes.terminated(parsed))) for code in codes]
    finally:
        postcodes.close()
    empty = np.array([not code for code in codes], bool)
    return empty, ~empty & ~np.array(known, bool)


def _duplicates(folder: Path, premises: PremisesFiles, addressed: Column) -> int:
    """Count premises that repeat an earlier one's borough, postcode and address (its first variant, token for token)."""
    rows = np.frombuffer(map_file(folder / "tokens"), np.uint8)
    ends = open_column(folder / "token_ends.npy").astype(np.int64)
    place = premises.postcode_numbers.astype(np.uint64) << np.uint64(8) | premises.boroughs
    seen = []
    for first in range(0, len(addressed), _A_PIECE):
        piece = slice(first, min(first + _A_PIECE, len(addressed)))
        written, lengths = _first_variants(rows, ends[piece.start : piece.stop + 1])
        chosen = addressed[piece] & (lengths > 0)
        seen.append(np.stack([written[chosen], place[piece][chosen]], axis=1))
    found = np.concatenate(seen) if seen else np.empty((0, 2), np.uint64)
    return len(found) - len(np.unique(found[:, 0] * _ODD + found[:, 1]))


def _first_variants(rows: Column, ends: Column) -> tuple[Column, Column]:
    """Return per row of tokens a 64-bit hash of its first variant, and the variant's length in bytes.

    The hash is a polynomial in an odd number, modulo 2**64; two variants share one with a chance of about 1 in 2**64.
    """
    held = rows[ends[0] : ends[-1]]
    starts, lengths = ends[:-1] - ends[0], np.diff(ends)
    at = np.arange(len(held)) - np.repeat(starts, lengths)
    separators = np.append(np.flatnonzero(held < FIRST_TOKEN), len(held))
    variants = np.minimum(separators[separators.searchsorted(starts)] - starts, lengths)
    powers = np.cumprod(np.full(int(lengths.max(initial=0)) + 1, _ODD))
    terms = np.where(at < np.repeat(variants, lengths), powers[at] * held, np.uint64(0))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms)])
    return sums[starts + lengths] - sums[starts], variants


def _compared(folder: Path, used: Column) -> Compared:
    before = PremisesFiles(folder)
    in_use = (before.marks & HISTORICAL) == 0
    uprns = before.uprns[in_use]
    still = used[np.minimum(used.searchsorted(uprns), len(used) - 1)] == uprns if len(used) else np.zeros(len(uprns), bool)
    return Compared(premises=len(uprns), by_borough=_by_borough(before, in_use), retired=int((~still).sum()))


def _order(data_dir: Path, release_id: str) -> dict[str, Any]:
    """Return what the import noted about the order of supplies."""
    imported = imported_as(data_dir, release_id)
    return {"older": imported.older, "behind": imported.behind} if imported else {}


def _cells(premises: PremisesFiles, in_use: Column) -> list[Cell]:
    """Return each map square with its number of premises in the borough that has most there."""
    eastings, northings = (column[in_use] // (CELL * 100) for column in (premises.points.eastings, premises.points.northings))
    boroughs = premises.boroughs[in_use]
    packed = (eastings.astype(np.int64) << 40) | (northings.astype(np.int64) << 16) | boroughs
    found, counts = np.unique(packed, return_counts=True)
    most: dict[tuple[int, int], Cell] = {}
    for value, count in zip(found.tolist(), counts.tolist(), strict=True):
        place, borough = (value >> 40, (value >> 16) & 0xFFFFFF), premises.borough_codes[value & 0xFFFF]
        if place not in most or most[place].premises < count:
            most[place] = Cell(*place, borough, count)
    return list(most.values())


def _ground(folder: Path) -> list[tuple[int, int]]:
    """Return the map squares that have postcodes, which draw London's outline."""
    places = [open_column(folder / f"postcodes_{name}.npy") // (CELL * 100) for name in ("eastings", "northings")]
    return sorted({*zip(*(column.tolist() for column in places), strict=True)})
