"""What a search shows."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from .title_case import readable

_PARENT_SHELL = "P"
"""Classification codes of parent shells begin so: PP a property shell, PS a street record."""


class ResultKind(StrEnum):
    """What a search result is."""

    PREMISES = "premises"
    """Somewhere post is delivered: a house, flat, shop."""
    SHELL = "shell"
    """A building that is divided: the parent of its flats, itself without a letter box (AddressBase class PP)."""
    STREET = "street"
    POSTCODE = "postcode"


class Found(NamedTuple):
    """A search result. Streets and postcodes have no UPRN, streets no postcode."""

    kind: ResultKind
    address: str
    """In one line, as it would be written."""
    postcode: str
    borough: str
    lng: float
    lat: float
    uprn: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search gives. Words are in lower case, as they were typed."""

    results: tuple[Found, ...] = ()
    """Best first."""
    unmatched: tuple[str, ...] = ()
    """Words that the first result does not hold; where nothing was found, those that no address holds."""
    corrected: dict[str, str] = field(default_factory=dict)
    """Words that the first result holds in another spelling, and that spelling."""


def kind_of(classification: str) -> ResultKind:
    """Whether something is delivered there, or it is the shell of what is."""
    return ResultKind.SHELL if classification.startswith(_PARENT_SHELL) else ResultKind.PREMISES


def shown_line(line: str, postcode: str) -> str:
    """A one-line address as it is shown, its postcode in capitals: `Flat 2, 14 Quillfen Street, London, NW1 1AA`."""
    if postcode and line.endswith(postcode):
        return f"{readable(line[: -len(postcode)])}{postcode}"
    return readable(line)
