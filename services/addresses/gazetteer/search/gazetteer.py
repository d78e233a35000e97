"""Read one release: every query that a request makes, and only queries. The files never change, so nothing is locked or checked."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Self

from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.geography.postcode import PartialPostcode, Postcode
from services.addresses.domain.search.matching import Decision, Match, Matching
from services.addresses.domain.search.result import Answer, Found
from services.addresses.gazetteer.files.columns import Column
from services.addresses.gazetteer.files.postcodes import LivePostcode, Outcode, Postcodes, TerminatedPostcode
from services.addresses.gazetteer.files.premises import PremisesFiles
from services.addresses.gazetteer.files.split_postcodes import split_postcodes

from .candidates import Finder
from .matcher import Matcher
from .prefixes import Beginnings
from .typeahead import Searching

WARMED = 100
"""Addresses that are looked for before a release is served: a tenth of a second."""


class Gazetteer:
    """One open release. Not for use from several threads at once; queries are short, so the event loop asks directly."""

    def __init__(self, folder: Path) -> None:
        self._premises = PremisesFiles(folder)
        self._postcodes = Postcodes(folder)
        self._finder = Finder(folder, self._premises, self._postcodes.outwards)
        self.matcher = Matcher(self._finder, self._premises, self._postcodes.outwards)
        self._searching = Searching(self._finder, self._premises, self._postcodes, Beginnings(folder))
        self.outwards = self._postcodes.outwards
        """Every outward code that has a live postcode."""

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a release's folder. Raises OSError, ValueError or sqlite3.Error where it is not one."""
        return cls(folder)

    def warm(self) -> None:
        """Look for some of its own addresses, so that the first who ask find in memory what most need."""
        for row in range(0, len(self), max(1, len(self) // WARMED)):
            self.search(self._premises.found(row).address, 1)

    def close(self) -> None:
        """Let the database of postcodes go; mapped files go with the last reader."""
        self._postcodes.close()

    # ------------------------------------------------------------ premises

    @property
    def uprns(self) -> Column:
        """The UPRNs that it holds, ascending."""
        return self._premises.uprns

    def __len__(self) -> int:
        """How many premises it holds, of every status."""
        return len(self._premises)

    def record(self, uprn: int) -> Blpu | None:
        """What is held of a UPRN."""
        row = self._premises.row(uprn)
        return None if row is None else self._premises.record(row)

    def records(self, uprns: Iterable[int]) -> list[Blpu]:
        """What is held of each UPRN, in their order; those that are not held are left out."""
        return [record for uprn in uprns if (record := self.record(uprn))]

    def all_records(self) -> Iterator[Blpu]:
        """Everything that it holds, in the order of UPRNs."""
        return map(self._premises.record, range(len(self._premises)))

    def children(self, uprn: int) -> list[int]:
        """UPRNs of what a shell is divided into, in the order of their addresses."""
        return self._uprns(self._premises.children(uprn))

    def predecessors(self, uprn: int) -> list[int]:
        """UPRNs whose place this one took, ascending."""
        return self._premises.predecessors(uprn).tolist()  # type: ignore[no-any-return]

    def at_postcode(self, beginning: str) -> list[int]:
        """UPRNs at a postcode, or at every postcode that begins so: in the order of postcode, then of street, building and flat.

        `beginning` is in the spaced form: `NW1 1AA`, `NW1 1`; `NW1` begins NW10 too, `NW1 ` does not.
        """
        return self._uprns(self._premises.at_postcode(beginning, PartialPostcode(beginning).after)) if beginning else []

    def within(self, min_e: float, min_n: float, max_e: float, max_n: float) -> list[tuple[int, float, float]]:
        """UPRN, easting and northing of everything in a rectangle of the National Grid, metres, its edge included; in UPRN order."""
        rows = self._premises.points.within(min_e, min_n, max_e, max_n)
        rows.sort()
        points = self._premises.points
        eastings, northings = (points.eastings[rows] / 100).tolist(), (points.northings[rows] / 100).tolist()
        return list(zip(self._uprns(rows), eastings, northings, strict=True))

    def nearest(self, easting: float, northing: float, radius: float, limit: int) -> list[tuple[int, float]]:
        """UPRN and distance in metres of what is within `radius` metres, nearest first, equals in UPRN order; at most `limit`."""
        rows, metres = self._premises.points.nearest(easting, northing, radius, limit)
        return list(zip(self._uprns(rows), metres.tolist(), strict=True))

    def _uprns(self, rows: Column) -> list[int]:
        return self._premises.uprns[rows].tolist()  # type: ignore[no-any-return]

    # ------------------------------------------------------------ by text

    def search(self, text: str, limit: int, borough: str | None = None) -> list[Found]:
        """What somebody who types may mean: the results of `answer`."""
        return list(self.answer(text, limit, borough).results)

    def answer(self, text: str, limit: int, borough: str | None = None) -> Answer:
        """The same with the words that did not match: see `Searching.search`."""
        return self._searching.search(text, limit, borough)

    def find(
        self, text: str, *, limit: int, offset: int = 0, within: tuple[float, float, float, float] | None = None
    ) -> tuple[int, list[tuple[int, float]]]:
        """How many records fit a text, and some of them with a score of 0 to 1: see `Searching.find`."""
        return self._searching.find(text, limit=limit, offset=offset, within=within)

    def match(self, text: str, postcode: str | None = None, limit: int = 5) -> Matching:
        """The records that a written address may be, with the probability of each: see `Matcher.match`."""
        return self.matcher.match(text, postcode, limit)

    def check(self, uprn: int, text: str, postcode: str | None = None) -> tuple[Decision, Match] | None:
        """Whether a written address is that of a UPRN: see `Matcher.check`."""
        return self.matcher.check(uprn, text, postcode)

    # ------------------------------------------------------------ postcodes

    def postcode(self, postcode: Postcode) -> LivePostcode | None:
        """A live postcode."""
        return self._postcodes.postcode(postcode)

    def terminated(self, postcode: Postcode) -> TerminatedPostcode | None:
        """A postcode that is no longer live."""
        return self._postcodes.terminated(postcode)

    def beginning_with(self, begun: PartialPostcode, borough: str | None, limit: int) -> list[LivePostcode]:
        """Live postcodes that begin so, in order."""
        return self._postcodes.beginning_with(begun, borough, limit)

    def nearest_postcodes(self, easting: float, northing: float, radius: float, limit: int) -> list[tuple[LivePostcode, float]]:
        """Live postcodes within `radius` metres with their distance, nearest first."""
        return self._postcodes.nearest(easting, northing, radius, limit)

    def outcode(self, outcode: str) -> Outcode | None:
        """A postcode district that has a live postcode, by its code in capitals."""
        return self._postcodes.outcode(outcode)

    def nearest_outcodes(self, easting: float, northing: float, radius: float, limit: int) -> list[tuple[Outcode, float]]:
        """Districts whose mean place is within `radius` metres with their distance, nearest first."""
        return self._postcodes.nearest_outcodes(easting, northing, radius, limit)

    def random_postcode(self, outcode: str | None = None) -> LivePostcode | None:
        """Any live postcode, or any of a district; None where the district has none."""
        return self._postcodes.at_random(outcode)

    def boroughs_of(self, postcode: Postcode) -> list[str]:
        """GSS codes of the boroughs that a postcode lies in: its own first, then those of premises there. More than one: it is split."""
        live = self._postcodes.postcode(postcode)
        premises = self._premises
        rows = premises.at_postcode(str(postcode), PartialPostcode(str(postcode)).after)
        there = sorted({premises.borough_codes[number] for number in premises.boroughs[rows].tolist()})
        return list(dict.fromkeys([live.borough, *there] if live else there))

    @cached_property
    def split_postcodes(self) -> dict[str, list[str]]:
        """The postcodes (`NW1 1AA`) that lie in several boroughs, as `boroughs_of` gives them. The first call looks through all."""
        found = (Postcode.parse(text) for text in split_postcodes(self._premises, self._postcodes))
        return {str(postcode): self.boroughs_of(postcode) for postcode in found if postcode}

    def borough_name(self, borough: str) -> str:
        """The name of a borough by its GSS code; the code where it is not known."""
        return self._postcodes.boroughs.get(borough, borough)
