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
from .comparing import FLAT, Comparison, Extra, Missing, Sort, Terms
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


class Nearby:
    """How near records' postcodes are to what was written."""

    __slots__ = ("_district", "_partial", "_sector", "_unit")

    def __init__(self, written: Postcode | None, partial: Sequence[PartialPostcode] = ()) -> None:
        self._unit, self._sector, self._district = (str(written), written.sector, f"{written.outward} ") if written else ("", "", "")
        self._partial = tuple([begun.prefix for begun in partial])

    def nearness(self, record: str) -> Nearness:
        """Of a record by its postcode, which may be empty."""
        if not self._unit:
            if not self._partial:
                return Nearness.NOT_WRITTEN
            return Nearness.DISTRICT if record.startswith(self._partial) else Nearness.ELSEWHERE
        if record == self._unit:
            return Nearness.UNIT
        if record.startswith(self._sector):
            return Nearness.SECTOR
        return Nearness.DISTRICT if record.startswith(self._district) else Nearness.ELSEWHERE


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
    extra: Extra
    besides: Collection[str]
    """The words of what is extra."""
    held_weight: float
    """Of all words of its address."""


def features(compared: Comparison, terms: Terms, standing: Standing) -> list[float]:
    """The numbers that the probability is made of, in the order of `FEATURES`."""
    near, lead, shell, extra = standing.near, standing.lead, standing.shell, standing.extra
    missing, weight = Missing.of(compared, terms), terms.weight or 1.0
    share, words = compared.matched / weight, missing.words / weight
    unwritten, unit = near is Nearness.NOT_WRITTEN, near is Nearness.UNIT
    bounded = max(-1.0, min(1.0, lead / 5))
    numbers = min(missing.numbers, 2)
    nameless, corrected = True, 0
    for term, place in zip(terms.terms, compared.places, strict=True):
        if place is not None:
            nameless = nameless and not (place >= 0 and term.sort is Sort.WORD and term.weight >= NAME_WEIGHT)
            corrected += place >= 0 and term.readings[compared.held[place]] < 1
    besides = (extra.words > 0, min(extra.numbers, 2), min(extra.letters, 1))
    whole = share > 0.999 and not compared.disorder
    exact = whole and not any(besides)
    other_floor = not FLOORS.isdisjoint(standing.besides)
    return [
        1.0, words, numbers, min(missing.letters, 1), extra.words / max(standing.held_weight, 1.0),
        min(extra.numbers, 2), min(extra.letters, 1), min(compared.disorder, 1), min(corrected, 3),
        min(compared.in_range, 1), unit, near is Nearness.SECTOR, near is Nearness.DISTRICT, near is Nearness.ELSEWHERE,
        bounded, abs(lead) < SMALL_LEAD, abs(lead) < TIED, shell, share, numbers * unit, words * unwritten, bounded * unwritten,
        terms.unknown / max(1, len(terms.terms)),
        exact, exact and unwritten, exact and unit, exact and abs(lead) < SMALL_LEAD, min(compared.other_flats, 1), nameless,
        nameless and unit, exact and shell, exact and abs(lead) < TIED, not FLOORS.isdisjoint(missing.tokens), other_floor,
        other_floor and missing.words > 0, FLAT in missing.tokens, whole and besides == (False, 0, 1), whole and besides == (False, 1, 0),
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
