"""Results of the addresses service: those that a citizen can choose, and those that only narrow the search."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from . import boroughs
from .answers import Address

MOST = 100
"""Results of one search, and so the most on a page."""
LIKELY = 20
"""Addresses offered for a text."""
SUGGESTED = 10
"""Results while a person types."""
_NOTES = {"shell": "divided into flats", "street": "street", "postcode": "postcode"}
"""Notes on results that are not addresses."""


@dataclass(frozen=True)
class Found:
    """A search result. Only premises have an address of their own; a shell is divided into premises."""

    kind: str
    """premises, shell, street or postcode."""
    uprn: str | None
    line: str
    """The address in one line, with its postcode."""
    postcode: str | None
    borough: str
    postcode_boroughs: tuple[str, ...] = ()
    """GSS codes of the boroughs of its postcode. With more than one, the postcode does not determine the council."""

    @property
    def is_address(self) -> bool:
        """Whether it is the address of premises."""
        return self.kind == "premises" and self.uprn is not None and self.postcode is not None

    @property
    def text(self) -> str:
        """The line without its postcode."""
        return self.line.removesuffix(self.postcode or "").rstrip(" ,")

    @property
    def note(self) -> str | None:
        """For an address, its council where the postcode lies in several boroughs; else the kind of result."""
        if self.is_address:
            return self.council
        split = len(self.postcode_boroughs) > 1
        return (
            f"{_NOTES.get(self.kind, self.kind)} in {boroughs.named(self.postcode_boroughs)}" if split else _NOTES.get(self.kind, self.kind)
        )

    @property
    def council(self) -> str | None:
        """The council, if its postcode lies in several boroughs."""
        known = boroughs.BOROUGHS.get(self.borough)
        return known.council if known and len(self.postcode_boroughs) > 1 else None

    @property
    def address(self) -> Address:
        """The result as an answer. Raises pydantic's ValidationError unless `is_address`."""
        borough = self.borough if self.borough in boroughs.BOROUGHS else None
        return Address.model_validate({"uprn": self.uprn, "text": self.text, "postcode": self.postcode, "borough": borough})


class Answer(NamedTuple):
    """The outcome of a search."""

    results: list[Found]
    """Best first."""
    unmatched: tuple[str, ...]
    """Words that the first result lacks; without results, words that no address has."""


@dataclass(frozen=True)
class Choice:
    """The addresses to choose from, in the service's order."""

    premises: tuple[Found, ...]
    is_all: bool = True
    """Whether these are all."""
    is_narrowed: bool = False
    """Whether these are the requested building's alone."""
    begins: bool = False
    """Whether the text leads to these, or to a street, divided building or postcode with more."""
    unmatched: tuple[str, ...] = ()
    """Words that the best address lacks; without an address, words that none has."""

    @property
    def unmatched_words(self) -> str:
        """The unmatched words for a page: `“mare” or “atlantis”`."""
        *others, last = [f"\u201c{word}\u201d" for word in self.unmatched] or [""]
        return f"{', '.join(others)} or {last}" if others else last

    @property
    def councils(self) -> str | None:
        """The boroughs of a postcode that lies in several: `Camden and Islington`."""
        split = [borough for premises in self.premises if premises.council for borough in premises.postcode_boroughs]
        return boroughs.named(dict.fromkeys(split)) if split else None

    def find(self, uprn: str) -> Found | None:
        """Return the address with this UPRN, or None."""
        return next((premises for premises in self.premises if premises.uprn == uprn), None)


def at_postcode(results: Sequence[Found], postcode: str, building: str) -> Choice:
    """Return the addresses at exactly this postcode; only those of `building` if any is of it."""
    here = tuple(found for found in results if found.is_address and found.postcode == postcode)
    wanted = _words(building)
    of_building = tuple(found for found in here if wanted <= _words(found.text)) if wanted else ()
    return Choice(of_building or here, is_all=len(results) < MOST, is_narrowed=bool(of_building))


def best_at_postcode(results: Sequence[Found], postcode: str, building: str) -> Choice:
    """Return the same from results sorted best first: another building's result ends this building's addresses."""
    choice = at_postcode(results, postcode, building)
    return replace(choice, is_all=choice.is_narrowed and len(choice.premises) < len(results))


def like(results: Sequence[Found], unmatched: tuple[str, ...] = ()) -> Choice:
    """Return the best addresses for a text. Beyond those, more typing helps more than a longer list."""
    premises = tuple(found for found in results if found.is_address)
    return Choice(premises[:LIKELY], is_all=len(premises) <= LIKELY, begins=bool(results), unmatched=unmatched)


def suggestions(results: Sequence[Found], typed: str) -> list[Found]:
    """Return the results to show while `typed` grows, without a fully typed result that is no address: it leads no further."""
    return [found for found in results if found.is_address or found.line != typed][:SUGGESTED]


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))
