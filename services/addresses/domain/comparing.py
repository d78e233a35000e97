"""How well a written address answers a query: which words it holds, in order, and what it says besides.

A record's tokens come as one text, a character for each token (its code), so that a comparison is a walk along a dozen
characters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise

FLAT = "FLAT"
VARIANT, OPTIONAL, CONTEXT = "\0", "\1", "\2"
"""Separators in a record's row of tokens: between ways to write it; before what need not be written; before town, locality and council."""
WITHIN_RANGE_CREDIT = 0.6


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

    @property
    def is_known(self) -> bool:
        """Whether any record holds it or what it was corrected to."""
        return bool(self.readings)


class Terms:
    """The words of a query, ready to be compared with many records."""

    __slots__ = ("at", "flats", "terms", "weight")

    def __init__(self, terms: Sequence[Term]) -> None:
        self.terms = tuple(terms)
        self.weight = sum(term.weight for term in terms)
        self.flats = {
            code: following
            for term, following in pairwise(self.terms)
            if term.token == FLAT and following.sort is not Sort.WORD
            for code in term.readings
        }
        """For the code of FLAT the number or letter that was written after it."""
        self.at: dict[str, list[tuple[int, float]]] = {}
        """For each code the terms that it answers, with their credit."""
        for number, term in enumerate(terms):
            for code, credit in term.readings.items():
                self.at.setdefault(code, []).append((number, credit))


@dataclass(slots=True)
class Comparison:
    """A query beside one way to write a record. Weights are sums over tokens; counts are of tokens."""

    held: str
    """The codes compared with."""
    places: dict[int, int] = field(default_factory=dict)
    """For each term that was found, the place in `held`; those of what is optional and the context are negative."""
    codes: dict[int, str] = field(default_factory=dict)
    matched: float = 0.0
    missing_words: float = 0.0
    missing_numbers: int = 0
    missing_letters: int = 0
    extra_words: float = 0.0
    extra_numbers: int = 0
    extra_letters: int = 0
    held_weight: float = 0.0
    disorder: int = 0
    """Neighbouring terms whose places are the other way round; among numbers."""
    following: int = 0
    """Neighbouring terms whose places follow each other."""
    corrected: int = 0
    other_flats: int = 0
    """The address is of a flat, the query of one with another number or letter."""
    in_range: int = 0
    """Numbers that are in a range of the address, after its first."""

    @property
    def score(self) -> float:
        """Higher is better. Only scores of the same query compare."""
        return (
            self.matched + 0.8 * self.following - 0.3 * self.extra_words - 1.2 * self.extra_numbers - 1.0 * self.extra_letters
            - 1.5 * self.disorder - 4.0 * self.other_flats
        )  # fmt: skip


def compare(terms: Terms, row: str, weights: Mapping[str, float], sorts: Mapping[str, Sort]) -> Comparison:
    """The best of a record's ways to be written. `weights` and `sorts` are by code."""
    body, _, context = row.partition(CONTEXT)
    body, _, optional = body.partition(OPTIONAL)
    best: Comparison | None = None
    for variant in body.split(VARIANT):
        compared = _compare(terms, variant, optional + context, weights, sorts)
        if best is None or compared.score > best.score:
            best = compared
    assert best is not None  # noqa: S101 (split gives at least one)
    return best


def _compare(terms: Terms, held: str, besides: str, weights: Mapping[str, float], sorts: Mapping[str, Sort]) -> Comparison:
    found = Comparison(held)
    places, codes, at = found.places, found.codes, terms.at
    for place, code in enumerate(held):
        weight = weights[code]
        found.held_weight += weight
        for number, credit in at.get(code, ()):
            if number not in places:
                places[number], codes[number] = place, code
                found.matched += credit * terms.terms[number].weight
                found.corrected += credit < 1
                break
        else:
            _count_extra(found, sorts[code], weight)
    if besides and len(places) < len(terms.terms):
        for place, code in enumerate(besides):
            for number, credit in at.get(code, ()):
                if number not in places:
                    places[number], codes[number] = -1 - place, code
                    term = terms.terms[number]
                    found.matched += credit * term.weight * (WITHIN_RANGE_CREDIT if term.sort is Sort.NUMBER else 1)
                    found.in_range += term.sort is Sort.NUMBER
                    break
    for flat, following in terms.flats.items():
        at_flat = held.find(flat)
        if 0 <= at_flat < len(held) - 1 and sorts[held[at_flat + 1]] is not Sort.WORD:
            found.other_flats += held[at_flat + 1] not in following.readings
    _count_missing_and_order(found, terms)
    return found


def _count_extra(found: Comparison, sort: Sort, weight: float) -> None:
    if sort is Sort.WORD:
        found.extra_words += weight
    elif sort is Sort.NUMBER:
        found.extra_numbers += 1
    else:
        found.extra_letters += 1


def _count_missing_and_order(found: Comparison, terms: Terms) -> None:
    before = last_number = -1
    for number, term in enumerate(terms.terms):
        place = found.places.get(number)
        if place is None:
            if term.sort is Sort.WORD:
                found.missing_words += term.weight
            elif term.sort is Sort.NUMBER:
                found.missing_numbers += 1
            else:
                found.missing_letters += 1
            continue
        if place < 0:
            continue
        if before >= 0 and (place == before + 1 or (term.sort is Sort.LETTER and place == before - 1)):  # 179A is Flat A, 179 as well
            found.following += 1
        if term.sort is Sort.NUMBER:
            found.disorder += place < last_number
            last_number = place
        before = max(place, before) if term.sort is Sort.LETTER else place
