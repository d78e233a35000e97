"""Answers every query of a request from one release. The files of a release never change, so nothing locks or checks them."""

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
from .prefixes import Prefixes
from .record_search import RecordSearch
from .typeahead import Typeahead

WARMED = 100
"""Number of searches before a release goes live; they take a tenth of a second."""


class Gazetteer:
    """One open release. Use it from one thread at a time; queries are short, so the event loop calls it directly."""

    def __init__(self, folder: Path) -> None:
        self._premises = PremisesFiles(folder)
        self._postcodes = Postcodes(folder)
        finder = Finder(folder, self._premises, self._postcodes.outwards)
        self.matcher = Matcher(finder, self._premises, self._postcodes.outwards)
        self._typeahead = Typeahead(finder, self._premises, self._postcodes, Prefixes(folder))
        self._record_search = RecordSearch(finder, self._premises, self._postcodes)
        self.outwards = self._postcodes.outwards
        """Every outward code that has a live postcode."""

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Opens a release's folder. Raises OSError, ValueError or sqlite3.Error if the folder is not a release."""
        return cls(folder)

    def warm(self) -> None:
        """Searches for some of the release's own addresses, so that the first requests find the common pages in memory."""
        for row in range(0, len(self), max(1, len(self) // WARMED)):
            self.search(self._premises.found(row).address, 1)

    def close(self) -> None:
        """Closes the database of postcodes; mapped files close with their last reader."""
        self._postcodes.close()

    # ------------------------------------------------------------ premises

    @property
    def uprns(self) -> Column:
        """All UPRNs, ascending."""
        return self._premises.uprns

    def __len__(self) -> int:
        """Counts premises of every status."""
        return len(self._premises)

    def record(self, uprn: int) -> Blpu | None:
        """Returns the record of a UPRN; None if unknown."""
        row = self._premises.row(uprn)
        return None if row is None else self._premises.record(row)

    def records(self, uprns: Iterable[int]) -> list[Blpu]:
        """Returns the records of UPRNs in their order, without unknown ones."""
        return [record for uprn in uprns if (record := self.record(uprn))]

    def all_records(self) -> Iterator[Blpu]:
        """Yields every record in the order of UPRNs."""
        return map(self._premises.record, range(len(self._premises)))

    def children(self, uprn: int) -> list[int]:
        """Returns the UPRNs of a shell's parts, in the order of their addresses."""
        return self._uprns(self._premises.children(uprn))

    def predecessors(self, uprn: int) -> list[int]:
        """Returns the UPRNs that this one replaced, ascending."""
        return self._premises.predecessors(uprn).tolist()  # type: ignore[no-any-return]

    def at_postcode(self, beginning: str) -> list[int]:
        """Returns the UPRNs at all postcodes with a prefix, ordered by postcode, street, building and flat.

        `beginning` is in the spaced form: `NW1 1AA`, `NW1 1`. `NW1` also covers NW10, `NW1 ` does not.
        """
        return self._uprns(self._premises.at_postcode(beginning, PartialPostcode(beginning).after)) if beginning else []

    def within(self, min_e: float, min_n: float, max_e: float, max_n: float) -> list[tuple[int, float, float]]:
        """Returns UPRN, easting and northing in a rectangle of the National Grid (metres, edges included), in UPRN order."""
        rows = self._premises.points.within(min_e, min_n, max_e, max_n)
        rows.sort()
        points = self._premises.points
        eastings, northings = (points.eastings[rows] / 100).tolist(), (points.northings[rows] / 100).tolist()
        return list(zip(self._uprns(rows), eastings, northings, strict=True))

    def nearest(self, easting: float, northing: float, radius: float, limit: int) -> list[tuple[int, float]]:
        """Returns UPRN and distance in metres within `radius` metres, nearest first, equals in UPRN order; at most `limit`."""
        rows, metres = self._premises.points.nearest(easting, northing, radius, limit)
        return list(zip(self._uprns(rows), metres.tolist(), strict=True))

    def _uprns(self, rows: Column) -> list[int]:
        return self._premises.uprns[rows].tolist()  # type: ignore[no-any-return]

    # ------------------------------------------------------------ by text

    def search(self, text: str, limit: int, borough: str | None = None) -> list[Found]:
        """Returns the results of `answer` alone."""
        return list(self.answer(text, limit, borough).results)

    def answer(self, text: str, limit: int, borough: str | None = None) -> Answer:
        """Searches for typed text: see `Typeahead.search`."""
        return self._typeahead.search(text, limit, borough)

    def find(
        self, text: str, *, limit: int, offset: int = 0, within: tuple[float, float, float, float] | None = None
    ) -> tuple[int, list[tuple[int, float]]]:
        """Returns the number of records that fit a text, and a page of UPRNs with scores of 0 to 1: see `RecordSearch.find`."""
        return self._record_search.find(text, limit=limit, offset=offset, within=within)

    def match(self, text: str, postcode: str | None = None, limit: int = 5) -> Matching:
        """Matches a written address with records: see `Matcher.match`."""
        return self.matcher.match(text, postcode, limit)

    def check(self, uprn: int, text: str, postcode: str | None = None) -> tuple[Decision, Match] | None:
        """Checks whether a written address is that of a UPRN: see `Matcher.check`."""
        return self.matcher.check(uprn, text, postcode)

    # ------------------------------------------------------------ postcodes

    def postcode(self, postcode: Postcode) -> LivePostcode | None:
        """Returns a live postcode; None if there is none."""
        return self._postcodes.postcode(postcode)

    def terminated(self, postcode: Postcode) -> TerminatedPostcode | None:
        """Returns a terminated postcode; None if there is none."""
        return self._postcodes.terminated(postcode)

    def beginning_with(self, begun: PartialPostcode, borough: str | None, limit: int) -> list[LivePostcode]:
        """Returns live postcodes with a prefix, in order."""
        return self._postcodes.beginning_with(begun, borough, limit)

    def nearest_postcodes(self, easting: float, northing: float, radius: float, limit: int) -> list[tuple[LivePostcode, float]]:
        """Returns live postcodes within `radius` metres with their distance in metres, nearest first."""
        return self._postcodes.nearest(easting, northing, radius, limit)

    def outcode(self, outcode: str) -> Outcode | None:
        """Returns a postcode district with a live postcode, by its code in capitals; None if there is none."""
        return self._postcodes.outcode(outcode)

    def nearest_outcodes(self, easting: float, northing: float, radius: float, limit: int) -> list[tuple[Outcode, float]]:
        """Returns the districts with a mean location within `radius` metres, with their distance in metres, nearest first."""
        return self._postcodes.nearest_outcodes(easting, northing, radius, limit)

    def random_postcode(self, outcode: str | None = None) -> LivePostcode | None:
        """Draws a random live postcode, of a district if given; None if it has none."""
        return self._postcodes.at_random(outcode)

    def boroughs_of(self, postcode: Postcode) -> list[str]:
        """Returns GSS codes: the borough of a postcode, then those of its other premises. A split postcode has more than one."""
        live = self._postcodes.postcode(postcode)
        premises = self._premises
        rows = premises.at_postcode(str(postcode), PartialPostcode(str(postcode)).after)
        there = sorted({premises.borough_codes[number] for number in premises.boroughs[rows].tolist()})
        return list(dict.fromkeys([live.borough, *there] if live else there))

    @cached_property
    def split_postcodes(self) -> dict[str, list[str]]:
        """The postcodes (`NW1 1AA`) in several boroughs, with the value of `boroughs_of`. The first access reads all postcodes."""
        found = (Postcode.parse(text) for text in split_postcodes(self._premises, self._postcodes))
        return {str(postcode): self.boroughs_of(postcode) for postcode in found if postcode}

    def borough_name(self, borough: str) -> str:
        """Returns the name of a borough by its GSS code; the code itself if unknown."""
        return self._postcodes.boroughs.get(borough, borough)
