"""What of a record is searched: the ways in which its address may be written, as tokens."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from services.addresses.domain.addressbase.records import Blpu, DeliveryPoint, Lpi, Numbering

from .tokens import tokens

WIDEST_RANGE = 60
"""Numbers: a wider range is not spelt out."""
_RANGE = re.compile(r"\b([0-9]{1,5})[A-Z]?-([0-9]{1,5})[A-Z]?\b")
_NAMED_AND_NUMBERED = re.compile(r"[A-Z].* [0-9]")
_NUMBERS = re.compile(r" [0-9]+[A-Z]?(-[0-9]+[A-Z]?)?$")
EVERYWHERE = frozenset({"LONDON", "GREATER", "BOROUGH", "OF", "CITY", "ROYAL", "UPON"})
"""Words of towns and councils that tell nothing apart."""


class Searchable(NamedTuple):
    """The tokens of one record."""

    variants: tuple[tuple[str, ...], ...]
    """Each way to write it, from flat to street, in order: the delivery point's, then those of the LPIs, each different collection once."""
    optional: tuple[str, ...]
    """What need not be written: the organisation, and of a range (`6-20`) the numbers after its first, which is in the variants."""
    context: tuple[str, ...]
    """Locality, post town and council, which somebody may add but which narrow little."""


def searchable(blpu: Blpu) -> Searchable:
    """The tokens that find a record."""
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
            # One that holds a token twice is another than one that holds it once.
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
    """The tokens of a part of an address, of a range its first number; and the numbers of the range after it."""
    if "-" not in text:
        return tuple(tokens(text)), ()
    after = (number for found in _RANGE.finditer(text) for number in _after_first(*map(int, found.groups())))
    return tuple(tokens(_RANGE.sub(r"\1", text))), tuple(dict.fromkeys(after))


@lru_cache(10_000)
def _narrowing(*texts: str) -> dict[str, None]:
    return dict.fromkeys(token for text in texts for token in tokens(text) if token not in EVERYWHERE)


def _after_first(start: int, end: int) -> list[str]:
    """The numbers of a range but the first: those of its side of the street, where both ends are odd or both even."""
    if not 0 < end - start <= WIDEST_RANGE:
        return [str(end)]
    step = 2 if (end - start) % 2 == 0 else 1
    return [str(number) for number in range(start + step, end + 1, step)]


_Parts = tuple[str, ...]


def _delivered(point: DeliveryPoint) -> Iterator[_Parts]:
    """With its building's number, and where the building has a name also without."""
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
