"""How well a written address answers a query: which words it holds, in order, and what it says besides.

A record's tokens come as one text, a character for each token (its code), so that a comparison is a walk along a dozen
characters.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple, Self

FLAT = "FLAT"
VARIANT, OPTIONAL, CONTEXT = "\0", "\1", "\2"
"""Separators in a record's row of tokens: between ways to write it; before what need not be written; before town, locality and council."""
WITHIN_RANGE_CREDIT = 0.6
OTHER_FLOOR = 3.0
"""What it takes from a score that an address is on another floor."""


class Sort(IntEnum):
    """What a token is."""

    WORD = 0
    NUMBER = 1
    LETTER = 2
    """A single letter: of a flat, or the suffix of a number."""


def sort_of(token: str) -> Sort:
    """What a token is."""
    if token[0].isdigit():
        return Sort.NUMBER if token.isdigit() else Sort.WORD
    return Sort.LETTER if len(token) == 1 else Sort.WORD


@dataclass(frozen=True, slots=True)
class Term:
    """A word of a query with the tokens that it may mean: code to credit, 1 for the word itself, less for a correction or a beginning."""

    typed: str
    token: str
    sort: Sort
    weight: float
    readings: Mapping[str, float]
    document_frequency: int = 0
    """Records that hold what it may mean; those that hold several of its readings count for each."""
    ends_range: bool = False
    """It is the end of a range that was written as one."""

    @property
    def is_known(self) -> bool:
        """Whether any record holds it or what it was corrected to."""
        return bool(self.readings)


class Terms:
    """The words of a query, ready to be compared with many records."""

    __slots__ = ("all_floors", "also", "at", "codes", "finished", "flats", "floors", "ranges", "sorts", "terms", "weight")

    def __init__(self, terms: Sequence[Term], *, finished: int | None = None, floors: Collection[str] = ()) -> None:
        """`finished` terms come before what is still being typed: all, unless said. `floors` are the codes of the names of floors."""
        self.terms = tuple(terms)
        self.finished = len(self.terms) if finished is None else finished
        self.ranges = frozenset([number for number, term in enumerate(terms) if term.ends_range])
        """Numbers of the terms that end a range."""
        self.sorts = tuple([term.sort for term in terms])
        self.weight = sum([term.weight for term in terms])
        self.flats: dict[str, Term] = {}
        """For the code of FLAT the number or letter that was written after it."""
        self.at: dict[str, tuple[int, float]] = {}
        """For each code the number of the first term that it answers, and what the answer is worth."""
        self.also: dict[str, list[tuple[int, float]]] = {}
        """The same of further terms, for the few codes that answer several."""
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
        """Codes of the floors that were written."""

    def _ends_last(self) -> list[int]:
        """Numbers of the terms, those that end a range last: `4` in `3-4, 4 Foo Street` is the building's first of all."""
        return sorted(range(len(self.terms)), key=self.ranges.__contains__)

    @property
    def known_weight(self) -> float:
        """The most that a record may hold of it."""
        return sum([term.weight for term in self.terms if term.readings])

    @property
    def unknown(self) -> int:
        """Words that no record holds."""
        return sum([not term.readings for term in self.terms])

    @property
    def unknown_numbers(self) -> int:
        """Numbers and letters that no record holds."""
        return sum([term.sort is not Sort.WORD and not term.readings for term in self.terms])


class Comparison(NamedTuple):
    """A query beside one way to write a record. Counts are of tokens."""

    record_tokens: str
    """The codes compared with."""
    optional_tokens: str
    """The codes of what is optional and of the context."""
    places: list[int | None]
    """For each term its place in `record_tokens`; places in `optional_tokens` are -1 and below; None where the record does not hold it."""
    matched: float
    """The weight of the terms that have a place, less what corrections and beginnings are worth less."""
    disorder: int
    """Neighbouring terms whose places are the other way round; among numbers."""
    other_flats: int
    """The address is of a flat, the query of one with another number or letter."""
    other_floor: bool
    """The address names a floor, and none of those that were written."""
    in_range: int
    """Numbers that are in a range of the address, after its first."""
    score: float
    """Higher is better. Only scores of the same query compare."""

    @property
    def placed(self) -> int:
        """How many of the codes compared with answer a term."""
        return sum([place is not None and place >= 0 for place in self.places])

    @property
    def holds_all(self) -> bool:
        """Whether every term has a place."""
        return None not in self.places

    @property
    def extra_codes(self) -> list[str]:
        """The codes that the address holds besides the query."""
        return [code for place, code in enumerate(self.record_tokens) if place not in self.places]

    def code(self, term: int) -> str | None:
        """The code that answers a term."""
        place = self.places[term]
        if place is None:
            return None
        return self.record_tokens[place] if place >= 0 else self.optional_tokens[-1 - place]


class Extra(NamedTuple):
    """What an address holds besides the query."""

    codes: list[str]
    words: float
    """The weight of the words among them; of the rest it is counted how many there are."""
    numbers: int
    letters: int

    @classmethod
    def of(cls, compared: Comparison, weights: Mapping[str, float], sorts: Mapping[str, Sort]) -> Self:
        """`weights` and `sorts` are by code."""
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
    """What of a query an address does not hold."""

    tokens: frozenset[str]
    words: float
    """The weight of the words among them; of the rest it is counted how many there are."""
    numbers: int
    letters: int

    @classmethod
    def of(cls, compared: Comparison, terms: Terms) -> Self:
        """From the places of the terms."""
        missing = [term for term, place in zip(terms.terms, compared.places, strict=True) if place is None]
        words = sum([term.weight for term in missing if term.sort is Sort.WORD])
        numbers = sum([term.sort is Sort.NUMBER for term in missing])
        letters = sum([term.sort is Sort.LETTER for term in missing])
        return cls(frozenset([term.token for term in missing]), words, numbers, letters)


def penalty(sort: Sort, weight: float) -> float:
    """What a token that an address holds besides the query takes from its score."""
    return (0.3 * weight, 1.2, 1.0)[sort]


def compare(terms: Terms, row: str, penalties: Mapping[str, float], sorts: Mapping[str, Sort]) -> Comparison:
    """The best of a record's ways to be written: one that holds every term, if any does; of those the one with the highest score.

    `penalties` (see `penalty`) and `sorts` are by code.
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
    """The same with words of the record's other ways to be written, such as a name that only one of them has.

    Only of a way that was written wholly: of another, words of two addresses would be taken for one.
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
    """Most of the time that a search takes is spent here and in what it calls: what few candidates are asked for is worked out for them."""
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
    """Put terms in places of what is optional and the context: what they are worth, and how many are numbers within a range.

    The end of a range is worth as much as its first number where the whole range was written.
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
    """How many terms follow the one before, and how many numbers stand before the one before."""
    following = disorder = 0
    before = last_number = -1
    for sort, placed in zip(sorts, places):  # noqa: B905 (as long as each other, and asked for dozens of times a query)
        if placed is None or placed < 0:
            continue
        if before >= 0 and (placed == before + 1 or (sort == 2 and placed == before - 1)):  # 179A is Flat A, 179 as well
            following += 1
        if sort == 1:
            disorder += placed < last_number
            last_number = placed
        before = placed if sort != 2 or placed > before else before
    return following, disorder


def _other_flats(terms: Terms, record_tokens: str, sorts: Mapping[str, Sort]) -> int:
    """How many times a flat is held where another was written."""
    others = 0
    for flat, following in terms.flats.items():
        at_flat = record_tokens.find(flat)
        if 0 <= at_flat < len(record_tokens) - 1 and sorts[record_tokens[at_flat + 1]] is not Sort.WORD:
            others += record_tokens[at_flat + 1] not in following.readings
    return others
