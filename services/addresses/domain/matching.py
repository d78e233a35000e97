"""How sure it is that an address as somebody wrote it is the address of a record: a probability, and what it comes from.

A logistic model over what `comparing` counts, the postcodes, and the lead over the next best candidate; its output is then made honest by a
monotone curve. Both were fitted on made-up addresses with made-up noise; `matching_numbers` holds the numbers and says how.
"""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from math import exp
from operator import mul

from . import matching_numbers as fitted
from .comparing import FLAT, Comparison, Sort, Terms
from .postcode import PartialPostcode, Postcode


class Decision(StrEnum):
    """What to do with the best candidate."""

    MATCH = "match"
    """As sure as a person would be: take it."""
    POSSIBLE = "possible"
    """Let a person choose."""
    NONE = "none"


class Nearness(IntEnum):
    """How much of its postcode a record shares with the one that was written."""

    NOT_WRITTEN = 0
    UNIT = 1
    SECTOR = 2
    DISTRICT = 3
    ELSEWHERE = 4


_BONUS = {Nearness.NOT_WRITTEN: 0.0, Nearness.UNIT: 4.0, Nearness.SECTOR: 1.5, Nearness.DISTRICT: 0.75, Nearness.ELSEWHERE: -1.0}
TIED = 0.2
"""A lead that the order of equals alone makes."""
SMALL_LEAD = 2.5
NAME_WEIGHT = 3.5
"""Words that weigh so much are names: not kinds of streets or flats."""
FLOORS = frozenset({"BASEMENT", "GARDEN", "GROUND", "FIRST", "SECOND", "THIRD", "FOURTH", "FIFTH", "TOP", "UPPER", "LOWER"})
"""Words that tell a flat of a house from the others as a number would."""
FEATURES = (
    "constant", "words missing", "numbers missing", "letters missing", "words besides", "numbers besides", "letters besides",
    "disorder", "corrected", "within a range", "unit", "sector", "district", "elsewhere", "lead", "lead is small", "tied", "shell",
    "share held", "numbers missing, unit", "words missing, no postcode", "lead, no postcode", "unknown words", "exact",
    "exact, no postcode", "exact, unit", "lead is small, exact", "other flat", "no name held", "no name held, unit", "exact, shell",
    "tied, exact", "floor missing", "floor besides", "other floor", "flat missing", "only a letter besides", "only a number besides",
    "exact, shell, lead is clear",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tokens:
    """The words that were written, in lower case: held by the address, corrected to what it holds, not in it."""

    matched: tuple[str, ...]
    corrected: dict[str, str]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A candidate, its address in one line, and the probability that it is the one."""

    uprn: int
    address: str
    confidence: float
    tokens: Tokens
    postcode: str
    """Empty where it has none."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Candidates, the surest first."""

    decision: Decision
    matches: tuple[Match, ...] = ()


def nearness(record: str, written: Postcode | None, partial: Sequence[PartialPostcode] = ()) -> Nearness:
    """How near a record's postcode is to what was written."""
    if written is None:
        if not partial:
            return Nearness.NOT_WRITTEN
        return Nearness.DISTRICT if any(record.startswith(begun.prefix) for begun in partial) else Nearness.ELSEWHERE
    if record == str(written):
        return Nearness.UNIT
    if record.startswith(written.sector):
        return Nearness.SECTOR
    return Nearness.DISTRICT if record.startswith(f"{written.outward} ") else Nearness.ELSEWHERE


def total_score(compared: Comparison, near: Nearness, *, shell: bool) -> float:
    """The comparison's score with what the postcode says, by which candidates are ordered. Of equals, a shell comes last."""
    return compared.score + _BONUS[near] - 0.1 * shell


@dataclass(frozen=True, slots=True)
class Standing:
    """Of a candidate what its comparison does not say."""

    near: Nearness
    lead: float
    """Over the best other candidate, of total scores."""
    shell: bool
    besides: Collection[str]
    """The words of its address that were not written."""


def features(compared: Comparison, terms: Terms, standing: Standing) -> list[float]:
    """The numbers that the probability is made of, in the order of `FEATURES`."""
    near, lead, shell = standing.near, standing.lead, standing.shell
    share = compared.matched / terms.weight if terms.weight else 0.0
    words = compared.missing_words / terms.weight if terms.weight else 0.0
    unwritten = near is Nearness.NOT_WRITTEN
    bounded = max(-1.0, min(1.0, lead / 5))
    numbers = min(compared.missing_numbers, 2)
    unit = near is Nearness.UNIT
    nameless = not any(
        place is not None and place >= 0 and term.sort is Sort.WORD and term.weight >= NAME_WEIGHT
        for term, place in zip(terms.terms, compared.places, strict=True)
    )
    besides = (compared.extra_words > 0, min(compared.extra_numbers, 2), min(compared.extra_letters, 1))
    whole = share > 0.999 and not compared.disorder
    exact = whole and not any(besides)
    missing = {term.token for term, place in zip(terms.terms, compared.places, strict=True) if place is None}
    other_floor = not FLOORS.isdisjoint(standing.besides)
    return [
        1.0, words, numbers, min(compared.missing_letters, 1), compared.extra_words / max(compared.held_weight, 1.0),
        min(compared.extra_numbers, 2), min(compared.extra_letters, 1), min(compared.disorder, 1), min(compared.corrected, 3),
        min(compared.in_range, 1), unit, near is Nearness.SECTOR, near is Nearness.DISTRICT, near is Nearness.ELSEWHERE,
        bounded, abs(lead) < SMALL_LEAD, abs(lead) < TIED, shell, share, numbers * unit, words * unwritten, bounded * unwritten,
        terms.unknown / max(1, len(terms.terms)),
        exact, exact and unwritten, exact and unit, exact and abs(lead) < SMALL_LEAD, min(compared.other_flats, 1), nameless,
        nameless and unit, exact and shell, exact and abs(lead) < TIED, not FLOORS.isdisjoint(missing), other_floor,
        other_floor and compared.missing_words > 0, FLAT in missing, whole and besides == (False, 0, 1), whole and besides == (False, 1, 0),
        exact and shell and lead >= SMALL_LEAD,
    ]  # fmt: skip


def probability(numbers: Sequence[float]) -> float:
    """The probability, 0 to 1, that features speak of the right record."""
    total = sum(map(mul, fitted.WEIGHTS, numbers))
    return calibrated(1 / (1 + exp(-max(-30.0, min(30.0, total)))))


def calibrated(raw: float) -> float:
    """The share of candidates given so much by the model that were right."""
    raws, shares = fitted.CURVE
    after = bisect_right(raws, raw)
    if after == 0:
        return shares[0]
    if after == len(raws):
        return shares[-1]
    low, high = raws[after - 1], raws[after]
    return shares[after - 1] + (shares[after] - shares[after - 1]) * (raw - low) / (high - low)


def decided(confidence: float) -> Decision:
    """What the best candidate's probability calls for."""
    if confidence >= fitted.MATCH_FROM:
        return Decision.MATCH
    return Decision.POSSIBLE if confidence >= fitted.POSSIBLE_FROM else Decision.NONE
