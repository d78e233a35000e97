"""Which of the addresses block's results a citizen can choose, and which only lead nearer to an address."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from . import boroughs
from .answers import Address

MOST = 100
"""Results of one search, and so the most that a page offers."""
LIKELY = 20
"""Addresses that a text may mean."""
SUGGESTED = 10
"""Results while somebody types."""
_NOTES = {"shell": "divided into flats", "street": "street", "postcode": "postcode"}
"""What is said of a result that is not an address."""


@dataclass(frozen=True)
class Found:
    """One result of a search. Only premises have an address of their own: a shell is divided into them."""

    kind: str
    """premises, shell, street or postcode."""
    uprn: str | None
    line: str
    """In one line, with its postcode."""
    postcode: str | None
    borough: str
    postcode_boroughs: tuple[str, ...] = ()
    """GSS codes of the boroughs that its postcode lies in: more than one, and the postcode does not say whose it is."""

    @property
    def is_address(self) -> bool:
        """Whether somebody can live there."""
        return self.kind == "premises" and self.uprn is not None and self.postcode is not None

    @property
    def text(self) -> str:
        """The line without its postcode."""
        return self.line.removesuffix(self.postcode or "").rstrip(" ,")

    @property
    def note(self) -> str | None:
        """What it is, where it is not an address; whose it is, where its postcode lies in several boroughs."""
        if self.is_address:
            return self.council
        split = len(self.postcode_boroughs) > 1
        return (
            f"{_NOTES.get(self.kind, self.kind)} in {boroughs.named(self.postcode_boroughs)}" if split else _NOTES.get(self.kind, self.kind)
        )

    @property
    def council(self) -> str | None:
        """The council, where its postcode does not say which it is."""
        known = boroughs.BOROUGHS.get(self.borough)
        return known.council if known and len(self.postcode_boroughs) > 1 else None

    @property
    def address(self) -> Address:
        """The choice as an answer. Raises pydantic's ValidationError unless `is_address`."""
        borough = self.borough if self.borough in boroughs.BOROUGHS else None
        return Address.model_validate({"uprn": self.uprn, "text": self.text, "postcode": self.postcode, "borough": borough})


class Answer(NamedTuple):
    """What a search gives."""

    results: list[Found]
    """Best first."""
    unmatched: tuple[str, ...]
    """Words that the first result does not have; without results, those that no address has."""


@dataclass(frozen=True)
class Choice:
    """The addresses to choose from, in the block's order."""

    premises: tuple[Found, ...]
    is_all: bool = True
    """Whether there are no more than these."""
    is_narrowed: bool = False
    """Whether only those of the building that was asked for are left."""
    begins: bool = False
    """Whether the text leads anywhere: to these, or to a street, a divided building or a postcode that has more."""
    unmatched: tuple[str, ...] = ()
    """Words of the text that the best of the addresses does not have; without any address, those that none has."""

    @property
    def unmatched_words(self) -> str:
        """As they are named on a page: `“mare” or “atlantis”`."""
        *others, last = [f"\u201c{word}\u201d" for word in self.unmatched] or [""]
        return f"{', '.join(others)} or {last}" if others else last

    @property
    def councils(self) -> str | None:
        """Whose areas the addresses' postcodes lie in, where one lies in several: `Camden and Islington`."""
        split = [borough for premises in self.premises if premises.council for borough in premises.postcode_boroughs]
        return boroughs.named(dict.fromkeys(split)) if split else None

    def find(self, uprn: str) -> Found | None:
        """The one with this UPRN, if it is among them."""
        return next((premises for premises in self.premises if premises.uprn == uprn), None)


def at_postcode(results: Sequence[Found], postcode: str, building: str) -> Choice:
    """The addresses at exactly this postcode; only those of `building`, where any is of it."""
    here = tuple(found for found in results if found.is_address and found.postcode == postcode)
    wanted = _words(building)
    of_building = tuple(found for found in here if wanted <= _words(found.text)) if wanted else ()
    return Choice(of_building or here, is_all=len(results) < MOST, is_narrowed=bool(of_building))


def best_at_postcode(results: Sequence[Found], postcode: str, building: str) -> Choice:
    """The same of results that come best first: where something else follows the building's addresses, there are no more of it."""
    choice = at_postcode(results, postcode, building)
    return replace(choice, is_all=choice.is_narrowed and len(choice.premises) < len(results))


def like(results: Sequence[Found], unmatched: tuple[str, ...] = ()) -> Choice:
    """The addresses that a text may mean, the best of them alone: past those, more typing helps more than more reading."""
    premises = tuple(found for found in results if found.is_address)
    return Choice(premises[:LIKELY], is_all=len(premises) <= LIKELY, begins=bool(results), unmatched=unmatched)


def suggestions(results: Sequence[Found], typed: str) -> list[Found]:
    """What to show while `typed` grows. What has been typed in full and is no address leads no further, so it is left out."""
    return [found for found in results if found.is_address or found.line != typed][:SUGGESTED]


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))
