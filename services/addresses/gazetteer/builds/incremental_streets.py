"""Builds the streets of a release from an earlier one; describes anew only the streets that a change touches."""

from pathlib import Path

import numpy as np

from services.addresses.gazetteer.files.columns import Column, Texts, open_column
from services.addresses.gazetteer.files.name_lists import WordLists
from services.addresses.gazetteer.files.premises import PremisesFiles
from services.addresses.gazetteer.files.streets import NO_STREET, Street, StreetsWriter, write_streets

from .index import areas_of
from .splice import Splice


def street_of_rows(base: Path) -> Column:
    """Return per row the USRN of its first LPI, `NO_STREET` without one."""
    starts, usrns = open_column(base / "street_starts.npy"), open_column(base / "street_usrns.npy")
    by_street = open_column(base / "by_street.npy")
    found = np.full(len(by_street), NO_STREET, np.uint32)
    found[by_street[: int(starts[-1])]] = np.repeat(usrns, np.diff(starts))
    return found


def merge_streets(folder: Path, base: Path, splice: Splice, fresh: StreetsWriter) -> int:
    """Write the streets after the premises, with those of fresh records; return the number of streets."""
    usrn_of_row, number_of_row = street_of_rows(base), np.empty(len(splice.stays), np.uint16)
    number_of_row[open_column(base / "by_street.npy")] = open_column(base / "street_numbers.npy")
    fresh_usrns = np.array(fresh.usrns, np.uint32)
    touched = np.union1d(usrn_of_row[~splice.stays], fresh_usrns)
    usrns = splice.column(usrn_of_row, fresh_usrns)
    numbers = splice.column(number_of_row, np.array(fresh.numbers, np.uint16))
    return write_streets(folder, _Described(folder, base, usrns).streets(touched), usrns, numbers)


class _Described:
    """Describes the streets of premises in a folder, reusing descriptions of an earlier release."""

    def __init__(self, folder: Path, base: Path, usrns: Column) -> None:
        self._folder, self._base = folder, base
        self._rows = np.flatnonzero(usrns != NO_STREET)
        """Rows on a street."""
        self._usrns = np.unique(usrns[self._rows])
        self._at = self._usrns.searchsorted(usrns[self._rows])
        """Per row on a street, the street's position in `_usrns`."""

    def streets(self, touched: Column) -> dict[int, Street]:
        """Return streets by USRN; describes touched ones from their premises."""
        found = self._untouched(touched)
        changed = np.isin(self._usrns, touched)
        found.update(self._from_premises(changed))
        counts = np.bincount(self._at, minlength=len(self._usrns)).tolist()
        latitudes, longitudes = (self._sums(name) for name in ("latitudes", "longitudes"))
        for usrn, count, latitude, longitude in zip(self._usrns.tolist(), counts, latitudes, longitudes, strict=True):
            street = found[usrn]
            street.premises, street.latitudes, street.longitudes = count, int(latitude), int(longitude)
        return found

    def _sums(self, name: str) -> list[float]:
        """Sum a column per street. The sums are exact integers: 4.5 million times 180 degrees (in 1e-7) are below 2**53."""
        column = open_column(self._folder / f"{name}.npy")[self._rows]
        return np.bincount(self._at, weights=column, minlength=len(self._usrns)).tolist()  # type: ignore[no-any-return]

    def _untouched(self, touched: Column) -> dict[int, Street]:
        names, towns, boroughs = (Texts(self._base / f"street_{name}") for name in ("names", "towns", "boroughs"))
        usrns = open_column(self._base / "street_usrns.npy")
        stay = ~np.isin(usrns, touched)
        found = {
            number: Street(names[number], boroughs[number], towns[number])
            for number in np.flatnonzero(stay).tolist()
        }  # fmt: skip
        areas = WordLists(self._base, "streets_by_area")
        named = (area for area, length in zip(areas.words, areas.lengths.tolist(), strict=True) for _ in range(length))
        for area, number in zip(named, areas.numbers.tolist(), strict=True):
            if (street := found.get(number)) and area != street.borough:
                street.areas.add(area)
        return {int(usrns[number]): street for number, street in found.items()}

    def _from_premises(self, changed: Column) -> dict[int, Street]:
        premises = PremisesFiles(self._folder)
        first = np.empty(len(self._usrns), np.int64)
        first[self._at[::-1]] = self._rows[::-1]  # the last assignment wins: the first row
        found = {}
        for at in np.flatnonzero(changed).tolist():
            blpu = premises.record(int(first[at]))
            found[at] = Street(blpu.lpis[0].street, blpu.borough, blpu.lpis[0].town)
        on_changed = changed[self._at]
        codes = premises.postcode_codes
        pairs = np.unique(self._at[on_changed].astype(np.int64) << 32 | premises.postcode_numbers[self._rows[on_changed]])
        for pair in pairs.tolist():
            found[pair >> 32].areas.update(areas_of(codes[pair & 0xFFFFFFFF]))
        return {int(self._usrns[at]): street for at, street in found.items()}
