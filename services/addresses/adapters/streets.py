"""The streets of a release, the largest first: what they are called, where they lie, what stands on them in the order of its numbers."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from services.addresses.domain.records import Blpu, LogicalStatus
from services.addresses.domain.text import tokens

from .spatial import Column
from .tables import Texts, elements, open_column, write_column, write_texts
from .word_lists import NONE, WordLists, write_word_lists

HIGHEST_NUMBER = 0xFFFF
_NO_STREET = 0xFFFFFFFF


@dataclass(slots=True)
class _Street:
    name: str
    borough: str
    town: str
    eastings: float = 0.0
    northings: float = 0.0
    latitudes: float = 0.0
    longitudes: float = 0.0
    premises: int = 0
    areas: set[str] = field(default_factory=set)


class StreetsWriter:
    """Gathers the streets of records in the order they come; `finish` writes them."""

    def __init__(self) -> None:
        self._streets: dict[int, _Street] = {}
        self._street_of, self._number_of = array("I"), array("H")

    def add(self, blpu: Blpu, areas: Iterable[str]) -> None:
        """Put a record on its street, that of its first LPI. `areas` are the tokens of its district and sector."""
        if not blpu.lpis:
            self._street_of.append(_NO_STREET)
            self._number_of.append(0)
            return
        lpi = blpu.lpis[0]
        street = self._streets.get(lpi.usrn)
        if street is None:
            street = self._streets[lpi.usrn] = _Street(lpi.street, blpu.borough, lpi.town)
        street.premises += 1
        street.latitudes += blpu.latitude
        street.longitudes += blpu.longitude
        street.areas.update(areas)
        self._street_of.append(lpi.usrn)
        number = 0 if blpu.logical_status is LogicalStatus.HISTORICAL else lpi.pao.start_number or 0
        self._number_of.append(min(number, HIGHEST_NUMBER))

    def finish(self, folder: Path) -> int:
        """Write the streets, and of each the rows of its premises in the order of their numbers; how many streets there are."""
        usrns = sorted(self._streets, key=lambda usrn: (-self._streets[usrn].premises, usrn))
        streets = [self._streets[usrn] for usrn in usrns]
        write_texts(folder / "street_names", (street.name for street in streets))
        write_texts(folder / "street_towns", (street.town for street in streets))
        write_texts(folder / "street_boroughs", (street.borough for street in streets))
        degrees = [(round(street.latitudes / street.premises, 6), round(street.longitudes / street.premises, 6)) for street in streets]
        write_column(folder / "street_places.npy", degrees, "<f8")
        words: dict[str, list[int]] = {}
        areas: dict[str, list[int]] = {}
        for number, street in enumerate(streets):
            for word in dict.fromkeys(tokens(street.name)):
                words.setdefault(word, []).append(number)
            for area in (street.borough, *street.areas):
                areas.setdefault(area, []).append(number)
        write_word_lists(folder, "streets_by_word", words)
        write_word_lists(folder, "streets_by_area", areas)
        self._write_order(folder, usrns)
        return len(streets)

    def _write_order(self, folder: Path, usrns: Sequence[int]) -> None:
        ascending = np.sort(np.array([*usrns, _NO_STREET], np.uint32))
        number_of = np.empty(len(usrns) + 1, np.uint32)
        number_of[ascending.searchsorted(np.array([*usrns, _NO_STREET], np.uint32))] = np.arange(len(usrns) + 1)
        of = number_of[ascending.searchsorted(np.array(self._street_of, np.uint32))]
        numbers = np.array(self._number_of, np.uint16)
        order = np.lexsort((numbers, of)).astype(np.uint32)
        write_column(folder / "by_street.npy", order, "<u4")
        write_column(folder / "street_numbers.npy", numbers[order], "<u2")
        write_column(folder / "street_starts.npy", np.searchsorted(of[order], np.arange(len(usrns) + 1)), "<u4")


class Streets:
    """The streets of one release, by number from 0."""

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
        """Streets whose names hold one of each choice of words and that reach into one of each choice of areas, the largest first."""
        found = self._words.of_all(words)
        for areas in within:
            if len(found):
                found = found[np.isin(found, self.in_areas(areas), assume_unique=True)]
        return found

    def _in_areas(self, areas: tuple[str, ...]) -> Column:
        return self._areas.of_any(areas) if areas else NONE

    def at_number(self, street: int, number: int, most: int) -> list[int]:
        """Rows of what has that number on the street, or stands behind a range that begins with it."""
        numbers, end = self._numbers, self._starts[street + 1]
        first = bisect_left(numbers, number, self._starts[street], end)
        if first == end or numbers[first] != number:
            return []
        last = bisect_left(numbers, number + 1, first, min(end, first + most))
        return self._by_street[first:last].tolist()  # type: ignore[no-any-return]

    def rows(self, street: int, most: int) -> list[int]:
        """Rows of the street, in the order of their numbers."""
        start, end = self._starts[street], self._starts[street + 1]
        return self._by_street[start : min(end, start + most)].tolist()  # type: ignore[no-any-return]
