"""Which of the candidates is meant: those that hold more of what was typed come first, then those with less besides."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Protocol, TypeVar

from .premises import Kind
from .query import Word
from .text import tokens

_ORDER_OF_KINDS = {Kind.STREET: 0, Kind.PREMISES: 1, Kind.SHELL: 2, Kind.POSTCODE: 3}


class Candidate(Protocol):
    """Something that may be shown."""

    @property
    def kind(self) -> Kind: ...

    @property
    def searchable(self) -> str:
        """The text that was indexed for it."""
        ...


CandidateT = TypeVar("CandidateT", bound=Candidate)


def score(words: Sequence[Word], text: str) -> float:
    """How well a text answers the words.

    Each word that the text holds counts 1 (an unfinished one slightly less, so that `STREET` beats `STREETER`), up to another 0.5 is
    given for words that follow each other as typed (`flat 2` is flat 2, not flat A of number 2), and up to 1 for how much of the text
    was asked for (`14 Foo Street` is the house, not its flats).
    """
    held = tokens(text)
    if not words or not held:
        return 0.0
    places = [next((at for at, token in enumerate(held) if word.matches(token)), None) for word in words]
    found = [(word, at) for word, at in zip(words, places, strict=True) if at is not None]
    exactness = sum(1.0 if held[at] == word.whole else 0.9 for word, at in found)
    following = sum(1 for (_, before), (_, after) in pairwise(found) if after == before + 1)
    return exactness + 0.5 * following / len(words) + len(found) / len(held)


def ranked(words: Sequence[Word], candidates: Iterable[CandidateT]) -> list[CandidateT]:
    """Best first. Equals keep their kind's order, then the order they came in (streets by number)."""
    return sorted(candidates, key=lambda candidate: (-score(words, candidate.searchable), _ORDER_OF_KINDS[candidate.kind]))
