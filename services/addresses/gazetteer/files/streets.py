"""The streets of a release, the largest first: names, positions, and premises in the order of their numbers."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from services.addresses.domain.addressbase.records import Blpu, LogicalStatus
from services.addresses.domain.search.tokens import tokens

from .columns import Column, Texts, elements, open_column, write_column, write_texts
from .name_lists import NONE, WordLists, write_word_lists

HIGHEST_NUMBER = 0xFFFF
NO_STREET = 0xFFFFFFFF


@dataclass(slots=True)
class Street:
    """A street under construction. Name, town and borough come from its first record."""

    name: str
    borough: str
    town: str
    premises: int = 0
    latitudes: int = 0
    longitudes: int = 0
    """Sums over its premises, in units of 1e-7 degrees: integers, so that the order of addition does not matter."""
    areas: set[str] = field(default_factory=set)
    """Tokens of the postcode districts and sectors that the street reaches."""


class StreetsWriter:
    """Collects the streets of records in the order of their rows; `finish` writes them."""

    def __init__(self) -> None:
        self.streets: dict[int, Street] = {}
        """By USRN."""
        self.usrns, self.numbers = array("I"), array("H")
        """Per record: the USRN of its first LPI (`NO_STREET` without one), and its number on that street."""

    def add(self, blpu: Blpu, areas: Iterable[str]) -> None:
        """Add a record to the street of its first LPI. `areas` are the tokens of its postcode district and sector."""
        usrn, number = on_street(blpu)
        self.usrns.append(usrn)
        self.numbers.append(number)
        if not blpu.lpis:
            return
        street = self.streets.get(usrn)
        if street is None:
            street = self.streets[usrn] = Street(blpu.lpis[0].street, blpu.borough, blpu.lpis[0].town)
        street.premises += 1
        street.latitudes += round(blpu.latitude * 1e7)
        street.longitudes += round(blpu.longitude * 1e7)
        street.areas.update(areas)

    def finish(self, folder: Path) -> int:
        """Write the streets, each with its rows in the order of their numbers; return the number of streets."""
        return write_streets(folder, self.streets, np.asarray(self.usrns, np.uint32), np.asarray(self.numbers, np.uint16))


def on_street(blpu: Blpu) -> tuple[int, int]:
    """Return the USRN of a record's first LPI (`NO_STREET` without one) and its number on that street (0 without one)."""
    if not blpu.lpis:
        return NO_STREET, 0
    lpi = blpu.lpis[0]
    number = 0 if blpu.logical_status is LogicalStatus.HISTORICAL else lpi.pao.start_number or 0
    return lpi.usrn, min(number, HIGHEST_NUMBER)


def write_streets(folder: Path, by_usrn: Mapping[int, Street], usrn_of_row: Column, number_of_row: Column) -> int:
    """Write streets, each with its rows in the order of their numbers; return the number of streets."""
    usrns = sorted(by_usrn, key=lambda usrn: (-by_usrn[usrn].premises, usrn))
    streets = [by_usrn[usrn] for usrn in usrns]
    write_column(folder / "street_usrns.npy", usrns, "<u4")
    write_texts(folder / "street_names", (street.name for street in streets))
    write_texts(folder / "street_towns", (street.town for street in streets))
    write_texts(folder / "street_boroughs", (street.borough for street in streets))
    places = [(_degrees(street.latitudes, street.premises), _degrees(street.longitudes, street.premises)) for street in streets]
    write_column(folder / "street_places.npy", places, "<f8")
    words: dict[str, list[int]] = {}
    areas: dict[str, list[int]] = {}
    for number, street in enumerate(streets):
        for word in dict.fromkeys(tokens(street.name)):
            words.setdefault(word, []).append(number)
        for area in (street.borough, *street.areas):
            areas.setdefault(area, []).append(number)
    write_word_lists(folder, "streets_by_word", words)
    write_word_lists(folder, "streets_by_area", areas)
    _write_order(folder, usrns, usrn_of_row, number_of_row)
    return len(streets)


def _degrees(total: int, count: int) -> float:
    return round(total / count / 1e7, 6)


def _write_order(folder: Path, usrns: Sequence[int], usrn_of_row: Column, number_of_row: Column) -> None:
    all_usrns = np.array([*usrns, NO_STREET], np.uint32)
    ascending = np.sort(all_usrns)
    street_of = np.empty(len(all_usrns), np.uint32)
    street_of[ascending.searchsorted(all_usrns)] = np.arange(len(all_usrns))
    of = street_of[ascending.searchsorted(usrn_of_row)]
    order = np.lexsort((number_of_row, of)).astype(np.uint32)
    write_column(folder / "by_street.npy", order, "<u4")
    write_column(folder / "street_numbers.npy", number_of_row[order], "<u2")
    write_column(folder / "street_starts.npy", np.searchsorted(of[order], np.arange(len(usrns) + 1)), "<u4")


class Streets:
    """The streets of one release, numbered from 0."""

    def __init__(self, folder: Path) -> None:
        self.names, self.towns, self.boroughs = (Texts(folder / f"street_{name}") for name in ("names", "towns", "boroughs"))
        self.places: Column = open_column(folder / "street_places.npy")
        self._words, self._areas = WordLists(folder, "streets_by_word"), WordLists(folder, "streets_by_area")
        self._by_street, self._numbers = open_column(folder / "by_street.npy"), elements(open_column(folder / "street_numbers.npy"))
        self._starts = elements(open_column(folder / "street_starts.npy"))
        self.in_areas = lru_cache(500)(self._in_areas)

    def __len__(self) -> int:
        return len(self.places)

    def named(self, words: Sequence[Iterable[str]], within: Sequence[tuple[str, ...]]) -> Column:
        """Return streets, the largest first, whose names match each choice of words and that reach one area of each choice."""
        found = self._words.of_all(words)
        for areas in within:
            if len(found):
                found = found[np.isin(found, self.in_areas(areas), assume_unique=True)]
        return found

    def _in_areas(self, areas: tuple[str, ...]) -> Column:
        return self._areas.of_any(areas) if areas else NONE

    def at_number(self, street: int, number: int, most: int) -> list[int]:
        """Return at most `most` rows with that number on the street, or with a range that begins with it."""
        numbers, end = self._numbers, self._starts[street + 1]
        first = bisect_left(numbers, number, self._starts[street], end)
        if first == end or numbers[first] != number:
            return []
        last = bisect_left(numbers, number + 1, first, min(end, first + most))
        return self._by_street[first:last].tolist()  # type: ignore[no-any-return]

    def rows(self, street: int, most: int) -> list[int]:
        """Return at most `most` rows of the street, in the order of their numbers."""
        start, end = self._starts[street], self._starts[street + 1]
        return self._by_street[start : min(end, start + most)].tolist()  # type: ignore[no-any-return]
