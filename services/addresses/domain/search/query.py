"""Parses typed text to a query: a postcode or a prefix of one, and the words of an address, of which the last may be incomplete."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple, Self

from services.addresses.domain.geography.postcode import (
    PartialPostcode,
    Postcode,
    correct_postcode,
    unfinished,
    unfinished_inward,
    whole_outward,
)

from .spelling import distance
from .tokens import LONGEST_QUERY, MOST_TOKENS, normal, raw_tokens

POST_TOWN = "LONDON"
_COUNTRIES = frozenset({"UK", "ENGLAND"})
_ORDINALS = frozenset({"1ST", "2ND", "3RD", "4TH", "5TH", "6TH", "7TH", "8TH", "9TH"})
"""Inward codes that are also ordinals: `D1 2ND` has the form of a postcode of Dundee, and is flat D1 on the second floor."""
_BEFORE_CODES = frozenset({"APARTMENTS", "BAY", "BLOCK", "BUILDING", "FLAT", "FLATS", "GARAGE", "MAISONETTE", "NO", "NUMBER", "OFFICE",
                           "PENTHOUSE", "PLOT", "ROOM", "SHOP", "STUDIO", "SUITE", "UNIT"})  # fmt: skip
"""Words before the code of a flat or block, which is then not read as a postcode district."""
_RANGE = re.compile(r"\b([0-9]{1,5}[A-Za-z]?)\s?[-\u2010-\u2015]\s?([0-9]{1,5}[A-Za-z]?)\b", re.ASCII)
_DIGITS = frozenset("0123456789")
_LENGTHS_MENDED = range(5, 8)


class Word(NamedTuple):
    """A token that a result should contain. An `unfinished` word also matches tokens that begin with `typed`."""

    text: str
    typed: str = ""
    unfinished: bool = False
    ends_range: bool = False
    """True for the end of a written range: `14` of `6-14`."""

    @property
    def is_number(self) -> bool:
        """True for a number, which the search never corrects."""
        return self.text.isdigit()

    @property
    def is_like_the_town(self) -> bool:
        """True for a misspelling or prefix of the post town; if no record has the word, the search reads it as the town."""
        if self.unfinished and len(self.typed) > 1 and POST_TOWN.startswith(self.typed):
            return True
        return abs(len(self.text) - len(POST_TOWN)) <= 1 and self.text.isalpha() and distance(self.text, POST_TOWN, 1) <= 1


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query. It has at most one of `postcode` and `partial`; several partial readings are alternatives."""

    words: tuple[Word, ...]
    postcode: Postcode | None = None
    partial: tuple[PartialPostcode, ...] = ()
    typing: str = ""
    """The last run of letters and digits, in capitals, if it may be incomplete; else empty."""
    typing_words: int = 0
    """Number of the last words that come from `typing`."""
    set_aside: tuple[str, ...] = ()
    """Written words that the search ignores: those beyond the limits of a query, or a second postcode."""

    @classmethod
    def parse(
        cls,
        text: str,
        outwards: frozenset[str],
        *,
        finished: bool = False,
        apart: bool = False,
        is_live: Callable[[Postcode], bool] | None = None,
    ) -> Self:
        """Parses typed text. `outwards` are the existing outward codes, which distinguish `NW1` from the name of a flat.

        A `finished` text is a whole address without incomplete words or postcode; a postcode at its end may confuse letters and digits.
        In any text a postcode may do so if `is_live` is given and true for the corrected one. If the postcode comes `apart` from the
        text, no word of the text is read as a district.
        """
        read = text[:LONGEST_QUERY]
        runs = raw_tokens(read)
        raw = runs[:MOST_TOKENS]
        beyond = (*runs[MOST_TOKENS:], *raw_tokens(text[LONGEST_QUERY:]))
        postcode, taken = _find_postcode(raw, outwards)
        if postcode is None:
            postcode, taken = _find_mended(raw, outwards, at_end=finished, is_live=is_live)
        partial: tuple[PartialPostcode, ...] = ()
        if postcode is None and not apart:
            partial, taken = _find_partial(raw, outwards, finished=finished)
        is_open = not finished and not beyond and (taken.stop < len(raw) or not taken)
        query = cls(_words(raw, taken, _ends_of_ranges(read)), postcode, partial, set_aside=tuple(beyond))
        return query._open(raw[-1]) if is_open and raw else query

    def _open(self, run: str) -> Self:
        """Returns the query with its last run marked as incomplete."""
        words = self.words
        if not words or words[-1].typed != run:
            return self
        last, count = words[-1], len(normal(run))
        if not run.isdigit():
            last = last._replace(typed=last.text if count > 1 else run, unfinished=True)
        return type(self)((*words[:-1], last), self.postcode, self.partial, run, min(count, len(words)), self.set_aside)

    @property
    def as_words(self) -> Self:
        """The query without postcode and partial postcode."""
        return replace(self, postcode=None, partial=())

    @property
    def is_empty(self) -> bool:
        """True for a query without words and postcode."""
        return not (self.words or self.postcode or self.partial)


def _words(raw: list[str], taken: range, ends: frozenset[tuple[str, str]]) -> tuple[Word, ...]:
    """Returns the words to search for, without the post town, which is in every address."""
    rest = raw[: taken.start] + raw[taken.stop :]
    words: list[Word] = []
    before = ""
    for run in _without_town(rest, is_placed=bool(taken)):
        read = _words_of(run)
        if ends and (before, run) in ends:
            read = (read[0]._replace(ends_range=True), *read[1:])
        words += read
        before = run
    return tuple(words)


@lru_cache(20_000)
def _words_of(run: str) -> tuple[Word, ...]:
    return tuple([Word(token, run) for token in normal(run)])


def _ends_of_ranges(text: str) -> frozenset[tuple[str, str]]:
    if text.isascii() and "-" not in text:
        return frozenset()
    return frozenset([(first.upper(), last.upper()) for first, last in _RANGE.findall(text)])


def _without_town(raw: list[str], *, is_placed: bool) -> list[str]:
    """Removes LONDON as a town (last, or before `Borough of`), but not at the beginning of a street's name.

    A query of LONDON alone is the town if there is a postcode, else the beginning of a name.
    """
    kept: list[str] = []
    for at, run in enumerate(raw):
        following = raw[at + 1] if at + 1 < len(raw) else ""
        ends = following in ("", "BOROUGH", POST_TOWN, *_COUNTRIES)
        if (run == POST_TOWN and (at or is_placed) and ends) or (run, following) in (("BOROUGH", "OF"), ("GREATER", POST_TOWN)):
            continue
        if run == "OF" and at and raw[at - 1] == "BOROUGH":
            continue
        kept.append(run)
    while len(kept) > (0 if is_placed else 1) and kept[-1] in _COUNTRIES:
        kept.pop()
    return kept


def _is_code(raw: list[str], at: int) -> bool:
    """Tells by the word before it whether a run is the code of a flat or block."""
    return at > 0 and normal(raw[at - 1])[-1] in _BEFORE_CODES


def _find_postcode(raw: list[str], outwards: frozenset[str]) -> tuple[Postcode | None, range]:
    """Returns the last postcode in the text and the range of its tokens."""
    for end in range(len(raw), 0, -1):
        if not (raw[end - 1][-1].isalpha() and raw[end - 1][-3:-2].isdigit()):  # does not end in an inward code
            continue
        for start in range(end - 1, max(end - 3, -1), -1):
            found = Postcode.parse("".join(raw[start:end]))
            if found is None or raw[start] not in (str(found).replace(" ", ""), found.outward):
                continue
            if found.inward in _ORDINALS and end - start == 2 and _is_a_floor(raw, start, found, outwards):
                continue
            return found, range(start, end)
    return None, range(0)


def _is_a_floor(raw: list[str], start: int, found: Postcode, outwards: frozenset[str]) -> bool:
    """Tells whether two tokens in the form of a postcode are the code of a flat and its floor."""
    following = normal(raw[start + 2])[0] if start + 2 < len(raw) else ""
    return found.outward not in outwards or following == "FLOOR" or _is_code(raw, start)


def _find_mended(
    raw: list[str], outwards: frozenset[str], *, at_end: bool, is_live: Callable[[Postcode], bool] | None
) -> tuple[Postcode | None, range]:
    """Returns a postcode with confused letters and digits corrected: at the end of an address, in other places only if it is live."""
    if at_end:
        for start in (len(raw) - 1, len(raw) - 2):
            if start >= 0 and (found := correct_postcode("".join(raw[start:]))) and found.outward in outwards:
                return found, range(start, len(raw))
    if is_live is None or all(map(_DIGITS.isdisjoint, raw)):
        return None, range(0)
    for end in range(len(raw), 0, -1):
        for start in range(end - 1, max(end - 3, -1), -1):
            written = "".join(raw[start:end])
            if len(written) not in _LENGTHS_MENDED or not (written[0].isalpha() or end - start == 1) or _DIGITS.isdisjoint(written):
                continue
            if (found := correct_postcode(written)) and found.outward in outwards and is_live(found):
                return found, range(start, end)
    return None, range(0)


def _find_partial(raw: list[str], outwards: frozenset[str], *, finished: bool) -> tuple[tuple[PartialPostcode, ...], range]:
    """Returns the readings of an incomplete postcode at the end, else of a district anywhere, and the range of its tokens."""
    count = len(raw)
    if count > 1 and not _is_code(raw, count - 2) and (readings := unfinished_inward(raw[-2], raw[-1], outwards)):
        return readings, range(count - 2, count)
    if finished:
        return _find_district(raw, outwards, range(count))
    is_begun = raw and not _DIGITS.isdisjoint(raw[-1]) and not _is_code(raw, count - 1)
    if is_begun and (readings := unfinished(raw[-1], outwards)):
        return readings, range(count - 1, count)
    return _find_district(raw, outwards, range(count - 1))


def _find_district(raw: list[str], outwards: frozenset[str], places: Iterable[int]) -> tuple[tuple[PartialPostcode, ...], range]:
    for at in sorted(places, reverse=True):
        if not _is_code(raw, at) and (readings := whole_outward(raw[at], outwards)):
            return readings, range(at, at + 1)
    return (), range(0)
