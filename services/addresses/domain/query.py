"""What somebody typed, understood: a postcode or the beginning of one, and the words of an address, the last perhaps unfinished."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Self

from .postcode import PartialPostcode, Postcode, mended, unfinished, unfinished_inward, whole_outward
from .text import LONGEST_QUERY, MOST_TOKENS, normal, raw_tokens
from .vocabulary import distance

POST_TOWN = "LONDON"
_COUNTRIES = frozenset({"UK", "ENGLAND"})


class Word(NamedTuple):
    """A token that a result should hold. `unfinished` words also match what begins with `typed`."""

    text: str
    typed: str = ""
    unfinished: bool = False

    @property
    def is_number(self) -> bool:
        """Whether it is a number: never corrected."""
        return self.text.isdigit()

    @property
    def is_like_the_town(self) -> bool:
        """Whether it is the post town misspelt or begun: of a word that no record holds nothing else is to be made."""
        if self.unfinished and len(self.typed) > 1 and POST_TOWN.startswith(self.typed):
            return True
        return abs(len(self.text) - len(POST_TOWN)) <= 1 and self.text.isalpha() and distance(self.text, POST_TOWN, 1) <= 1


@dataclass(frozen=True, slots=True)
class Query:
    """At most one of `postcode` and `partial` is given; several partial readings are alternatives."""

    words: tuple[Word, ...]
    postcode: Postcode | None = None
    partial: tuple[PartialPostcode, ...] = ()

    @classmethod
    def parse(cls, text: str, outwards: frozenset[str], *, finished: bool = False) -> Self:
        """Understand typed text. `outwards` are the outward codes that exist, by which `NW1` is told from a flat's name.

        `finished` text is a whole address: nothing in it is the beginning of a word or a postcode, and a postcode may hold a digit for a
        letter.
        """
        raw = raw_tokens(text[:LONGEST_QUERY])[:MOST_TOKENS]
        postcode, taken = _find_postcode(raw, outwards, mend=finished)
        partial: tuple[PartialPostcode, ...] = ()
        if postcode is None:
            partial, taken = _find_partial(raw, outwards, finished=finished)
        open_ended = not finished and (taken.stop < len(raw) or not taken)
        return cls(_words(raw[: taken.start] + raw[taken.stop :], open_ended=open_ended), postcode, partial)

    @property
    def is_empty(self) -> bool:
        """Nothing to look for."""
        return not (self.words or self.postcode or self.partial)


def _words(raw: list[str], *, open_ended: bool) -> tuple[Word, ...]:
    """Words to look for. The post town is in every address, so it narrows nothing. The last is unfinished if typing goes on."""
    words = [word for run in _without_town(raw) for word in _words_of(run)]
    if open_ended and raw and words and words[-1].typed == raw[-1] and not raw[-1].isdigit():
        last = words[-1]
        words[-1] = Word(last.text, last.text if len(normal(raw[-1])) > 1 else raw[-1], unfinished=True)
    return tuple(words)


@lru_cache(20_000)
def _words_of(run: str) -> tuple[Word, ...]:
    return tuple([Word(token, run) for token in normal(run)])


def _without_town(raw: list[str]) -> list[str]:
    """Leave out LONDON where it is the town (last, or before `Borough of`), not the beginning of a street's name."""
    kept: list[str] = []
    for at, run in enumerate(raw):
        following = raw[at + 1] if at + 1 < len(raw) else ""
        if (run == POST_TOWN and at and following in ("", "BOROUGH", POST_TOWN, "UK", "ENGLAND")) or (run, following) == ("BOROUGH", "OF"):
            continue
        if run == "OF" and at and raw[at - 1] == "BOROUGH":
            continue
        kept.append(run)
    while len(kept) > 1 and kept[-1] in _COUNTRIES:
        kept.pop()
    return kept


def _find_postcode(raw: list[str], outwards: frozenset[str], *, mend: bool) -> tuple[Postcode | None, range]:
    """The postcode in the text and which tokens it takes up."""
    for end in range(len(raw), 0, -1):
        if not (raw[end - 1][-1].isalpha() and raw[end - 1][-3:-2].isdigit()):  # does not end in an inward code
            continue
        for start in range(end - 1, max(end - 3, -1), -1):
            found = Postcode.parse("".join(raw[start:end]))
            if found and raw[start] in (str(found).replace(" ", ""), found.outward):
                return found, range(start, end)
    if mend and raw:
        for start in (len(raw) - 1, len(raw) - 2):
            if start >= 0 and (found := mended("".join(raw[start:]))) and found.outward in outwards:
                return found, range(start, len(raw))
    return None, range(0)


def _find_partial(raw: list[str], outwards: frozenset[str], *, finished: bool) -> tuple[tuple[PartialPostcode, ...], range]:
    """A postcode being typed at the end, or else a district named anywhere."""
    count = len(raw)
    if count > 1 and (readings := unfinished_inward(raw[-2], raw[-1], outwards)):
        return readings, range(count - 2, count)
    if finished:
        return _find_district(raw, outwards, count)
    if raw and any(character.isdigit() for character in raw[-1]) and (readings := unfinished(raw[-1], outwards)):
        return readings, range(count - 1, count)
    return _find_district(raw, outwards, count - 1)


def _find_district(raw: list[str], outwards: frozenset[str], end: int) -> tuple[tuple[PartialPostcode, ...], range]:
    for at in range(end - 1, -1, -1):
        if readings := whole_outward(raw[at], outwards):
            return readings, range(at, at + 1)
    return (), range(0)
