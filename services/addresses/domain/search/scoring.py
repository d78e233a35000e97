"""Scores a record against a query by the words that it contains, their order, and its extra words.

A record's tokens form one text with a character (the code) for each token, so a comparison walks along a dozen characters.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple, Self

FLAT = "FLAT"
VARIANT, OPTIONAL, CONTEXT = "\0", "\1", "\2"
"""Separators in a record's text of tokens: between variants; before optional tokens; before locality, town and council."""
WITHIN_RANGE_CREDIT = 0.6
OTHER_FLOOR = 3.0
"""Deduction from the score of an address on another floor."""


class Sort(IntEnum):
    """The sort of a token."""

    WORD = 0
    NUMBER = 1
    LETTER = 2
    """A single letter: of a flat, or the suffix of a number."""


def sort_of(token: str) -> Sort:
    """Returns the sort of a token. `2A` and the like count as words."""
    if token[0].isdigit():
        return Sort.NUMBER if token.isdigit() else Sort.WORD
    return Sort.LETTER if len(token) == 1 else Sort.WORD


@dataclass(frozen=True, slots=True)
class Term:
    """A word of a query and its readings: code to credit, 1 for the word itself, less for a correction or completion."""

    typed: str
    token: str
    sort: Sort
    weight: float
    readings: Mapping[str, float]
    document_frequency: int = 0
    """Sum over the readings of the number of records that contain each."""
    ends_range: bool = False
    """True for the end of a written range."""

    @property
    def is_known(self) -> bool:
        """True if any record contains the word or one of its readings."""
        return bool(self.readings)


class Terms:
    """The words of a query, prepared for comparison with many records."""

    __slots__ = ("all_floors", "also", "at", "codes", "finished", "flats", "floors", "ranges", "sorts", "terms", "weight")

    def __init__(self, terms: Sequence[Term], *, finished: int | None = None, floors: Collection[str] = ()) -> None:
        """Prepares terms. The first `finished` of them are complete (by default all). `floors` are the codes of the names of floors."""
        self.terms = tuple(terms)
        self.finished = len(self.terms) if finished is None else finished
        self.ranges = frozenset([number for number, term in enumerate(terms) if term.ends_range])
        """Indexes of the terms that end a range."""
        self.sorts = tuple([term.sort for term in terms])
        self.weight = sum([term.weight for term in terms])
        self.flats: dict[str, Term] = {}
        """By code of FLAT, the number or letter that the query has after it."""
        self.at: dict[str, tuple[int, float]] = {}
        """By code, the index of the first term that it answers, and the weight of that answer."""
        self.also: dict[str, list[tuple[int, float]]] = {}
        """The same for further terms, of the few codes that answer several."""
        self.codes = self.at.keys()
        self.all_floors = floors
        at = self.at
        for before, term in pairwise(self.terms):
            if before.token == FLAT and term.sort is not Sort.WORD:
                self.flats.update(dict.fromkeys(before.readings, term))
        for number in self._ends_last() if self.ranges else range(len(self.terms)):
            term = self.terms[number]
            for code, credit in term.readings.items():
                if code in at:
                    self.also.setdefault(code, []).append((number, credit * term.weight))
                else:
                    at[code] = number, credit * term.weight
        self.floors = frozenset([code for code in floors if code in at])
        """Codes of the floors in the query."""

    def _ends_last(self) -> list[int]:
        """Returns the indexes of the terms, with ends of ranges last: `4` in `3-4, 4 Foo Street` is first the building's number."""
        return sorted(range(len(self.terms)), key=self.ranges.__contains__)

    @property
    def known_weight(self) -> float:
        """The greatest weight that a record can match."""
        return sum([term.weight for term in self.terms if term.readings])

    @property
    def unknown(self) -> int:
        """Number of terms that no record contains."""
        return sum([not term.readings for term in self.terms])

    @property
    def unknown_numbers(self) -> int:
        """Number of numbers and letters that no record contains."""
        return sum([term.sort is not Sort.WORD and not term.readings for term in self.terms])


class Comparison(NamedTuple):
    """A comparison of a query with one variant of a record. Counts are of tokens."""

    record_tokens: str
    """The codes of the variant."""
    optional_tokens: str
    """The codes of the record's optional tokens and context."""
    places: list[int | None]
    """For each term its index in `record_tokens`; -1 - index for one in `optional_tokens`; None if the record lacks the term."""
    matched: float
    """The weight of the terms that have a place, times the credit of their readings."""
    disorder: int
    """Number of numbers that come before the preceding number of the query."""
    other_flats: int
    """Number of flats in the address that have another number or letter than in the query."""
    other_floor: bool
    """True if the address names a floor, but none of the query's floors."""
    in_range: int
    """Count of the query's numbers that lie in a range of the address, after its first number."""
    score: float
    """Higher is better. Only scores of the same query are comparable."""

    @property
    def placed(self) -> int:
        """Number of the variant's codes that answer a term."""
        return sum([place is not None and place >= 0 for place in self.places])

    @property
    def holds_all(self) -> bool:
        """True if every term has a place."""
        return None not in self.places

    @property
    def extra_codes(self) -> list[str]:
        """The codes of the variant that answer no term."""
        return [code for place, code in enumerate(self.record_tokens) if place not in self.places]

    def code(self, term: int) -> str | None:
        """Returns the code that answers a term, by the term's index; None if the record lacks it."""
        place = self.places[term]
        if place is None:
            return None
        return self.record_tokens[place] if place >= 0 else self.optional_tokens[-1 - place]


class Extra(NamedTuple):
    """The tokens of an address beyond the query."""

    codes: list[str]
    words: float
    """The weight of the words; `numbers` and `letters` are counts."""
    numbers: int
    letters: int

    @classmethod
    def of(cls, compared: Comparison, weights: Mapping[str, float], sorts: Mapping[str, Sort]) -> Self:
        """Finds the extra tokens of a comparison. `weights` and `sorts` are by code."""
        codes, words, numbers, letters = compared.extra_codes, 0.0, 0, 0
        for code in codes:
            sort = sorts[code]
            if sort is Sort.WORD:
                words += weights[code]
            elif sort is Sort.NUMBER:
                numbers += 1
            else:
                letters += 1
        return cls(codes, words, numbers, letters)


class Missing(NamedTuple):
    """The tokens of a query that an address lacks."""

    tokens: frozenset[str]
    words: float
    """The weight of the words; `numbers` and `letters` are counts."""
    numbers: int
    letters: int

    @classmethod
    def of(cls, compared: Comparison, terms: Terms) -> Self:
        """Finds the missing tokens of a comparison."""
        missing = [term for term, place in zip(terms.terms, compared.places, strict=True) if place is None]
        words = sum([term.weight for term in missing if term.sort is Sort.WORD])
        numbers = sum([term.sort is Sort.NUMBER for term in missing])
        letters = sum([term.sort is Sort.LETTER for term in missing])
        return cls(frozenset([term.token for term in missing]), words, numbers, letters)


def penalty(sort: Sort, weight: float) -> float:
    """Returns the deduction from the score for a token beyond the query."""
    return (0.3 * weight, 1.2, 1.0)[sort]


def compare(terms: Terms, row: str, penalties: Mapping[str, float], sorts: Mapping[str, Sort]) -> Comparison:
    """Compares a query with the best variant of a record: one that contains every term, if any, then the one with the highest score.

    `row` is the record's text of tokens. `penalties` (see `penalty`) and `sorts` are by code.
    """
    body, _, context = row.partition(CONTEXT)
    body, _, optional = body.partition(OPTIONAL)
    optional_tokens = optional + context
    if VARIANT not in body:
        return _compare(terms, body, optional_tokens, penalties, sorts)
    found = [_compare(terms, variant, optional_tokens, penalties, sorts) for variant in body.split(VARIANT)]
    best = max(found, key=_fit)
    return best if best.holds_all else max([_with_other_names(terms, one, body) for one in found], key=_fit)


def _fit(compared: Comparison) -> tuple[bool, float]:
    return compared.holds_all, compared.score


def _with_other_names(terms: Terms, best: Comparison, body: str) -> Comparison:
    """Adds words of the record's other variants to a comparison, such as a name that only one variant has.

    Does so only if the query contains the whole variant: else it would mix the words of two addresses.
    """
    if len(best.record_tokens) > best.placed:
        return best
    others = body.translate(dict.fromkeys(map(ord, f"{VARIANT}{best.record_tokens}")))
    places = list(best.places)
    optional_tokens, matched = best.optional_tokens + others, 0.0
    for place, code in enumerate(others, start=len(best.optional_tokens)):
        number, worth = terms.at.get(code, (0, 0.0))
        if worth and places[number] is None and terms.sorts[number] is Sort.WORD:
            places[number] = -1 - place
            matched += worth
    return (
        best._replace(optional_tokens=optional_tokens, places=places, matched=best.matched + matched, score=best.score + matched)
        if matched
        else best
    )


def _compare(
    terms: Terms, record_tokens: str, optional_tokens: str, penalties: Mapping[str, float], sorts: Mapping[str, Sort]
) -> Comparison:
    """Compares a query with one variant.

    A search spends most of its time here, so properties of `Comparison` compute on demand the values that few candidates need.
    """
    answer, also = terms.at.get, terms.also
    places: list[int | None] = [None] * len(terms.sorts)
    matched = extra = 0.0
    found = 0
    for place, code in enumerate(record_tokens):
        if answered := answer(code):
            number, worth = answered
            if places[number] is None:
                places[number] = place
                matched += worth
                found += 1
                continue
            for other, worth in also.get(code, ()):
                if places[other] is None:
                    places[other] = place
                    matched += worth
                    found += 1
                    break
            else:
                extra += penalties[code]
        else:
            extra += penalties[code]
    in_range = 0
    if found < len(places) and not terms.codes.isdisjoint(optional_tokens):
        more, in_range = _place_optional(terms, optional_tokens, places)
        matched += more
    other_flats = _other_flats(terms, record_tokens, sorts) if terms.flats else 0
    other_floor = (
        bool(terms.floors) and terms.floors.isdisjoint(record_tokens) and any(floor in record_tokens for floor in terms.all_floors)
    )
    following, disorder = _order(terms.sorts, places)
    score = matched + 0.8 * following - extra - 1.5 * disorder - 4.0 * other_flats - OTHER_FLOOR * other_floor
    return Comparison(record_tokens, optional_tokens, places, matched, disorder, other_flats, other_floor, in_range, score)


def _place_optional(terms: Terms, optional_tokens: str, places: list[int | None]) -> tuple[float, int]:
    """Gives terms places among the optional tokens and the context; returns their weight and the count of numbers within a range.

    If the query has the whole range, its end weighs as much as its first number.
    """
    matched, in_range, at, also = 0.0, 0, terms.at, terms.also
    for place, code in enumerate(optional_tokens):
        if code not in at:
            continue
        for number, worth in (at[code], *also.get(code, ())):
            if places[number] is None:
                places[number] = -1 - place
                is_number = terms.sorts[number] == 1 and number not in terms.ranges
                matched += worth * WITHIN_RANGE_CREDIT if is_number else worth
                in_range += is_number
                break
    return matched, in_range


def _order(sorts: tuple[Sort, ...], places: list[int | None]) -> tuple[int, int]:
    """Counts the terms that directly follow the preceding term, and the numbers that come before the preceding number."""
    following = disorder = 0
    before = last_number = -1
    for sort, placed in zip(sorts, places):  # noqa: B905 (both have the same length; this loop runs dozens of times a query)
        if placed is None or placed < 0:
            continue
        if before >= 0 and (placed == before + 1 or (sort == 2 and placed == before - 1)):  # 179A is also Flat A, 179
            following += 1
        if sort == 1:
            disorder += placed < last_number
            last_number = placed
        before = placed if sort != 2 or placed > before else before
    return following, disorder


def _other_flats(terms: Terms, record_tokens: str, sorts: Mapping[str, Sort]) -> int:
    """Counts the flats of a record whose number or letter differs from the query's."""
    others = 0
    for flat, following in terms.flats.items():
        at_flat = record_tokens.find(flat)
        if 0 <= at_flat < len(record_tokens) - 1 and sorts[record_tokens[at_flat + 1]] is not Sort.WORD:
            others += record_tokens[at_flat + 1] not in following.readings
    return others
