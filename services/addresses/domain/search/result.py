"""The results and the answer of a search."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from .title_case import readable

_PARENT_SHELL = "P"
"""Prefix of the classification codes of parent shells: PP is a property shell, PS a street record."""


class ResultKind(StrEnum):
    """The kind of a search result."""

    PREMISES = "premises"
    """A house, flat, shop or other property that is no parent shell."""
    SHELL = "shell"
    """A divided building: the parent of its flats, without a delivery point of its own (AddressBase class PP)."""
    STREET = "street"
    POSTCODE = "postcode"


class Found(NamedTuple):
    """A search result. Streets and postcodes have no UPRN, streets no postcode."""

    kind: ResultKind
    address: str
    """The address on one line, in readable case."""
    postcode: str
    borough: str
    lng: float
    lat: float
    uprn: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a search. Words are as typed, in lower case."""

    results: tuple[Found, ...] = ()
    """Best first."""
    unmatched: tuple[str, ...] = ()
    """Words that the first result lacks; without results, words that no address contains."""
    corrected: dict[str, str] = field(default_factory=dict)
    """Words that the first result spells differently, with its spelling."""


def kind_of(classification: str) -> ResultKind:
    """Returns the kind of a property by its classification code: a parent shell or premises."""
    return ResultKind.SHELL if classification.startswith(_PARENT_SHELL) else ResultKind.PREMISES


def shown_line(line: str, postcode: str) -> str:
    """Puts a one-line address in readable case, its postcode in capitals: `Flat 2, 14 Quillfen Street, London, NW1 1AA`."""
    if postcode and line.endswith(postcode):
        return f"{readable(line[: -len(postcode)])}{postcode}"
    return readable(line)
