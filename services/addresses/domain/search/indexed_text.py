"""Extracts the tokens of a record for the index: every way to write its address."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from services.addresses.domain.addressbase.records import Blpu, DeliveryPoint, Lpi, Numbering

from .tokens import tokens

WIDEST_RANGE = 60
"""Width up to which the index contains every number of a range."""
_RANGE = re.compile(r"\b([0-9]{1,5})[A-Z]?-([0-9]{1,5})[A-Z]?\b")
_NAMED_AND_NUMBERED = re.compile(r"[A-Z].* [0-9]")
_NUMBERS = re.compile(r" [0-9]+[A-Z]?(-[0-9]+[A-Z]?)?$")
EVERYWHERE = frozenset({"LONDON", "GREATER", "BOROUGH", "OF", "CITY", "ROYAL", "UPON"})
"""Words of towns and councils that distinguish no addresses."""


class Searchable(NamedTuple):
    """The tokens of one record."""

    variants: tuple[tuple[str, ...], ...]
    """Each way to write the address, from flat to street: the delivery point's, then the LPIs'. Equal sets of tokens appear once."""
    optional: tuple[str, ...]
    """Tokens that a query may omit: the organisation, and the numbers of a range (`6-20`) after its first."""
    context: tuple[str, ...]
    """Tokens of locality, post town and council, which narrow a search little."""


def searchable(blpu: Blpu) -> Searchable:
    """Returns the tokens under which the index finds a record."""
    point = blpu.delivery_point
    written = [*_delivered(point)] if point else []
    for lpi in blpu.lpis:
        written += _identified(lpi)
    variants: dict[frozenset[str | int], tuple[str, ...]] = {}
    optional: dict[str, None] = {}
    for parts in dict.fromkeys(written):
        found: tuple[str, ...] = ()
        for part in parts:
            record_tokens, optional_tokens = _read(part)
            found += record_tokens
            if optional_tokens:
                optional.update(dict.fromkeys(optional_tokens))
        if found:
            # A variant with a repeated token differs from one that has the token once.
            variants.setdefault(frozenset(found) if len(set(found)) == len(found) else frozenset((*found, len(found))), found)
    for text in (blpu.organisation, *((point.organisation_name, point.department_name) if point else ())):
        optional.update(dict.fromkeys(_read(text)[0]))
    context: dict[str, None] = {}
    for lpi in blpu.lpis:
        context.update(_narrowing(lpi.locality, lpi.town, lpi.administrative_area))
    if point:
        context.update(_narrowing(point.post_town, point.dependent_locality, point.double_dependent_locality))
    return Searchable(tuple(variants.values()), tuple(optional), tuple(context))


@lru_cache(200_000)
def _read(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the tokens of a part of an address, with only the first number of a range; and the other numbers of the range."""
    if "-" not in text:
        return tuple(tokens(text)), ()
    after = (number for found in _RANGE.finditer(text) for number in _after_first(*map(int, found.groups())))
    return tuple(tokens(_RANGE.sub(r"\1", text))), tuple(dict.fromkeys(after))


@lru_cache(10_000)
def _narrowing(*texts: str) -> dict[str, None]:
    return dict.fromkeys(token for text in texts for token in tokens(text) if token not in EVERYWHERE)


def _after_first(start: int, end: int) -> list[str]:
    """Returns the numbers of a range after its first. If both ends are odd or both even, returns only that side of the street.

    Returns only the end of a range that is wider than `WIDEST_RANGE` or descends.
    """
    if not 0 < end - start <= WIDEST_RANGE:
        return [str(end)]
    step = 2 if (end - start) % 2 == 0 else 1
    return [str(number) for number in range(start + step, end + 1, step)]


_Parts = tuple[str, ...]


def _delivered(point: DeliveryPoint) -> Iterator[_Parts]:
    """Yields the parts of a delivery point; if the building has name and number, again without the number."""
    inside, name, number = point.sub_building_name, point.building_name, point.building_number
    box = f"PO BOX {point.po_box_number}" if point.po_box_number else ""
    street = (point.dependent_thoroughfare, point.thoroughfare)
    yield (inside, name, box, number, *street)
    if name and (number or name[-1].isdigit()) and _NAMED_AND_NUMBERED.match(f"{name} {number}"):
        yield (inside, _NUMBERS.sub("", name), box, "", *street)


def _identified(lpi: Lpi) -> Iterator[_Parts]:
    sao, pao = _numbered(lpi.sao), _numbered(lpi.pao)
    yield (lpi.sao_text, sao, lpi.pao_text, pao, lpi.street)
    if lpi.pao_text and pao:
        yield (lpi.sao_text, sao, lpi.pao_text, "", lpi.street)


_numbered = lru_cache(100_000)(Numbering.__str__)
