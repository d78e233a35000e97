"""Estimates the probability that a written address is the address of a record.

A logistic model combines the counts of `scoring`, the nearness of postcodes, and the lead over the next best candidate. A monotone curve
then calibrates its output. `benchmarks.addresses.fit_match` fitted both on synthetic addresses with synthetic noise; `match_model` has
the numbers.
"""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from math import exp
from operator import mul
from typing import NamedTuple, Self

from services.addresses.domain.geography.postcode import PartialPostcode, Postcode

from . import match_model as fitted
from .scoring import FLAT, Comparison, Extra, Missing, Sort, Terms


class Decision(StrEnum):
    """The decision about the best candidate."""

    MATCH = "match"
    """The candidate is as certain as a person could be: accept it."""
    POSSIBLE = "possible"
    """A person has to choose."""
    NONE = "none"


class Nearness(IntEnum):
    """The part of its postcode that a record shares with the written postcode."""

    NOT_WRITTEN = 0
    UNIT = 1
    SECTOR = 2
    DISTRICT = 3
    ELSEWHERE = 4


_BONUS = {Nearness.NOT_WRITTEN: 0.0, Nearness.UNIT: 4.0, Nearness.SECTOR: 1.5, Nearness.DISTRICT: 0.75, Nearness.ELSEWHERE: -1.0}
TIED = 0.2
"""A smaller lead comes only from the tie-break of equal scores."""
SMALL_LEAD, FAR = 2.5, 15.0
NEARLY_ALL, FEW_WORDS = 0.999, 0.15
"""Shares of the weight of a query or record."""
NAME_WEIGHT = 3.5
"""Words of at least this weight are names, not kinds of streets or flats."""
FLOORS = frozenset({"BASEMENT", "GARDEN", "GROUND", "FIRST", "SECOND", "THIRD", "FOURTH", "FIFTH", "TOP", "UPPER", "LOWER"})
"""Words that identify a flat of a house as a number would."""
RISING = (
    "not behind", "level", "lead", "ahead", "clear lead", "far ahead", "unit", "words written", "few extra words", "no extra words",
    "one extra number", "no extra numbers", "no extra letters", "all written", "named", "named, unit", "named or unit",
    "no other floor", "all written, unit", "all written, ahead", "all written, clear lead", "all written, lead", "clear lead, unit",
    "lead, unit", "exact", "exact, unit", "exact, ahead", "exact, clear lead", "exact, lead", "exact or clear lead", "exact or unit",
    "home exact", "home exact, ahead", "home exact, clear lead", "only an extra letter", "only an extra number", "home", "home ahead",
    "home clear lead", "home, unit",
)  # fmt: skip
"""Features that further true evidence raises or leaves unchanged. Weights of at least 0 keep evidence from lowering a probability."""
LEVEL = (
    "constant", "words missing", "numbers missing", "letters missing", "disorder", "corrected", "within a range", "sector", "district",
    "elsewhere", "share held", "numbers missing, unit", "words missing, no postcode", "unknown words", "other flat",
    "floor missing", "other floor", "flat missing", "all written, words missing", "all written, words missing, unit",
    "lead, something missing", "elsewhere, lead", "elsewhere, something missing", "unit, something missing",
)  # fmt: skip
"""Features that further true evidence leaves unchanged."""
FEATURES = LEVEL + RISING


@dataclass(frozen=True, slots=True)
class Tokens:
    """The written words in lower case: those in the address, those corrected to a word of it, those missing from it."""

    matched: tuple[str, ...]
    corrected: dict[str, str]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A candidate, its address on one line, and the probability (0 to 1) that it is the written address."""

    uprn: int
    address: str
    confidence: float
    tokens: Tokens
    postcode: str
    """Empty if the address has none."""


@dataclass(frozen=True, slots=True)
class Matching:
    """The decision and its candidates, the most probable first."""

    decision: Decision
    matches: tuple[Match, ...] = ()


class Nearby:
    """Measures the nearness of records to a written postcode or to partial ones."""

    __slots__ = ("_district", "_partial", "_sector", "_unit")

    def __init__(self, written: Postcode | None, partial: Sequence[PartialPostcode] = ()) -> None:
        self._unit, self._sector, self._district = (str(written), written.sector, f"{written.outward} ") if written else ("", "", "")
        self._partial = tuple([begun.prefix for begun in partial])

    def nearness(self, record: str) -> Nearness:
        """Returns the nearness of a record by its postcode, which may be empty."""
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
    """Returns the score of the comparison plus the bonus of the postcode. It orders candidates; of equals a shell comes last."""
    return compared.score + _BONUS[near] - 0.1 * shell


@dataclass(frozen=True, slots=True)
class Standing:
    """Evidence about a candidate beyond its comparison."""

    near: Nearness
    lead: float
    """Difference of total scores to the best other candidate."""
    shell: bool
    extra: Extra
    extra_tokens: Collection[str]
    """The tokens of `extra`."""
    record_weight: float
    """Weight of all words of the candidate's address."""


def features(compared: Comparison, terms: Terms, standing: Standing) -> list[float]:
    """Returns the inputs of the model in the order of `FEATURES`."""
    near, lead, shell = standing.near, standing.lead, standing.shell
    missing = Missing.of(compared, terms)
    written = _Written.of(compared, terms, standing.extra)
    unit = near is Nearness.UNIT
    return [*_level(compared, terms, standing, missing, written), *_rising(written, lead, standing, unit=unit, home=not shell)]


class _Written(NamedTuple):
    """Coverage of the query by a candidate and of the candidate by the query."""

    share: float
    """Share of the query's weight that the candidate contains."""
    whole: bool
    """The candidate contains the whole query, in order."""
    words: bool
    numbers: bool
    letters: bool
    """The candidate has no words, numbers or letters beyond the query."""
    named: bool
    """The candidate contains a word with the weight of a name."""
    corrected: int

    @property
    def all(self) -> bool:
        """The query contains the whole address."""
        return self.words and self.numbers and self.letters

    @classmethod
    def of(cls, compared: Comparison, terms: Terms, extra: Extra) -> Self:
        share, named, corrected = compared.matched / (terms.weight or 1.0), False, 0
        for term, place in zip(terms.terms, compared.places, strict=True):
            if place is not None:
                named = named or (term.sort is Sort.WORD and term.weight >= NAME_WEIGHT)
                corrected += place >= 0 and term.readings[compared.record_tokens[place]] < 1
        whole = share > NEARLY_ALL and not compared.disorder
        return cls(share, whole, not extra.words, not extra.numbers, not extra.letters, named, corrected)


def _level(compared: Comparison, terms: Terms, standing: Standing, missing: Missing, written: _Written) -> list[float]:
    near, words = standing.near, missing.words / (terms.weight or 1.0)
    numbers, unit, elsewhere = min(missing.numbers, 2), near is Nearness.UNIT, near is Nearness.ELSEWHERE
    lacks = not compared.holds_all
    lead = max(-1.0, min(1.0, standing.lead / 5))
    return [
        1.0, words, numbers, min(missing.letters, 1), min(compared.disorder, 1), min(written.corrected, 3), min(compared.in_range, 1),
        near is Nearness.SECTOR, near is Nearness.DISTRICT, elsewhere, written.share, numbers * unit,
        words * (near is Nearness.NOT_WRITTEN), terms.unknown / max(1, len(terms.terms)), min(compared.other_flats, 1),
        not FLOORS.isdisjoint(missing.tokens), compared.other_floor, FLAT in missing.tokens, words * written.all,
        words * written.all * unit, lead * lacks, lead * elsewhere, lacks * elsewhere, lacks * unit,
    ]  # fmt: skip


def _rising(written: _Written, lead: float, standing: Standing, *, unit: bool, home: bool) -> list[float]:
    extra, all_written = standing.extra, written.all
    surplus = extra.words / max(standing.record_weight, 1.0)
    exact = written.whole and all_written
    if exact and lead >= SMALL_LEAD:  # a greater lead of an exact address depends only on its length and on numbers of other flats
        lead = FAR
    bounded, ahead, clear = max(0.0, min(1.0, lead / 5)), lead >= TIED, lead >= SMALL_LEAD
    named, whole = written.named, written.whole
    return [
        lead > -TIED, lead > -SMALL_LEAD, max(-1.0, min(1.0, lead / 5)), ahead, clear, max(0.0, min(1.0, lead / FAR)), unit, 1 - surplus,
        surplus < FEW_WORDS, written.words, extra.numbers <= 1, written.numbers, written.letters, all_written, named, named and unit,
        named or unit, FLOORS.isdisjoint(standing.extra_tokens), all_written and unit, all_written and ahead, all_written and clear,
        all_written * bounded, clear and unit, bounded * unit, exact, exact and unit, exact and ahead, exact and clear, exact * bounded,
        exact or clear, exact or unit, exact and home, exact and home and ahead, exact and home and clear,
        whole and written.words and written.numbers, whole and written.words and extra.numbers <= 1 and written.letters,
        home, home and ahead, home and clear, home and unit,
    ]  # fmt: skip


def probability(numbers: Sequence[float]) -> float:
    """Returns the calibrated probability, 0 to 1, that a candidate with these features is the written address."""
    total = sum(map(mul, fitted.WEIGHTS, numbers))
    return calibrate(1 / (1 + exp(-max(-30.0, min(30.0, total)))))


def calibrate(raw: float) -> float:
    """Returns the share of correct candidates at an output of the model, interpolated on the fitted curve."""
    raws, shares = fitted.CURVE
    after = bisect_right(raws, raw)
    if after == 0:
        return shares[0]
    if after == len(raws):
        return shares[-1]
    low, high = raws[after - 1], raws[after]
    return shares[after - 1] + (shares[after] - shares[after - 1]) * (raw - low) / (high - low)


def decide(confidence: float) -> Decision:
    """Returns the decision for the probability of the best candidate."""
    if confidence >= fitted.MATCH_FROM:
        return Decision.MATCH
    return Decision.POSSIBLE if confidence >= fitted.POSSIBLE_FROM else Decision.NONE
