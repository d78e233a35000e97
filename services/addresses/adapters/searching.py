"""The two searches over one release: ours, while somebody types, and OS Places' `find`, over everything with a score for each."""

from collections.abc import Sequence

from services.addresses.domain.comparing import Comparison, Extra, Sort, Terms
from services.addresses.domain.display import readable
from services.addresses.domain.found import Found
from services.addresses.domain.postcode import PartialPostcode, Postcode
from services.addresses.domain.premises import Kind
from services.addresses.domain.query import Query

from .beginnings import Beginnings
from .finding import MOST_CANDIDATES, Finder
from .postcodes import LivePostcode, Postcodes
from .premises_files import PremisesFiles
from .streets import HIGHEST_NUMBER
from .token_weights import UNIT_WORDS

MOST_FOUND = 1_000
"""Records that `find` goes through."""
MOST_RANKED = 12
"""Rows that are compared in full, where no more are asked for."""
MOST_STREETS = 40
"""Streets on which a number is looked for."""
ENOUGH_BEGUN = 5
"""Rows on streets whose name was begun: with so many, premises of other kinds are not looked for too."""
MOST_IN_BOX = 5_000
"""Records in a rectangle that are all compared; where there are more, only what the index gives first."""
GOOD_AT_POSTCODE = 0.6
"""Share of a query's weight: where nothing at its postcode answers so much, the postcode may be wrong."""


class Searching:
    """Both searches. Any text is allowed."""

    def __init__(self, finder: Finder, premises: PremisesFiles, postcodes: Postcodes, beginnings: Beginnings | None = None) -> None:
        """Without `beginnings` they too are searched for: so they are made."""
        self._finder, self._premises, self._postcodes, self._beginnings = finder, premises, postcodes, beginnings

    # ------------------------------------------------------------ while typing

    def search(self, text: str, limit: int, borough: str | None = None) -> list[Found]:
        """Best first, at most `limit`; nothing where nothing fits. What no longer exists is not found.

        A whole postcode gives what stands there, narrowed by the other words, or the postcode itself where no premises are held. The
        beginning of a postcode alone gives postcodes. Words that no address holds are set aside.
        """
        query = Query.parse(text, self._postcodes.outwards)
        if query.is_empty:
            return []
        if query.postcode:
            return self._at_postcode(query, query.postcode, limit, borough)
        if query.partial and not query.words:
            found = [live for begun in query.partial for live in self._postcodes.beginning_with(begun, borough, limit)]
            return [_as_result(live) for live in dict.fromkeys(found)][:limit]
        rows = self._beginnings.rows(query, limit, borough) if self._beginnings else None
        return self._shown(self.by_words(query, limit, borough) if rows is None else rows, limit)

    def _at_postcode(self, query: Query, postcode: Postcode, limit: int, borough: str | None) -> list[Found]:
        finder, inside = self._finder, self._finder.in_borough(borough)
        if not query.words:
            rows = [row for row in self.rows_at(postcode) if inside(row) and not finder.is_historical(row)]
            rows.sort(key=finder.is_shell)
            return self._shown(rows, limit) or self._empty_postcode(postcode, borough)
        living = [held for held in finder.living_at(str(postcode)) if inside(held[0])]
        if not living and (found := self._empty_postcode(postcode, borough)):
            return [*found, *self._shown(self.by_words(Query(query.words), limit, borough), limit - 1)]
        terms = finder.terms(query.words)
        hits = finder.hits_of(terms, living, max(MOST_RANKED, limit))
        hits.sort(key=lambda hit: (-hit.comparison.score, finder.is_shell(hit.row)))
        here = [hit.row for hit in hits]
        if hits and hits[0].comparison.matched >= GOOD_AT_POSTCODE * terms.weight:
            return self._shown(here, limit)
        elsewhere = self.by_words(Query(query.words), limit, borough)
        return self._shown(list(dict.fromkeys([*elsewhere[: limit // 2], *here, *elsewhere])), limit)

    def _empty_postcode(self, postcode: Postcode, borough: str | None) -> list[Found]:
        """The postcode itself, if it is live in the borough."""
        live = self._postcodes.postcode(postcode)
        return [_as_result(live)] if live and borough in (None, live.borough) else []

    def rows_at(self, postcode: Postcode) -> list[int]:
        """Rows at a postcode, in the order of their addresses."""
        text = str(postcode)
        return self._premises.at_postcode(text, PartialPostcode(text).after).tolist()  # type: ignore[no-any-return]

    def by_words(self, query: Query, limit: int, borough: str | None) -> list[int]:
        """Rows of streets and premises for a query without a whole postcode, best first: at least `limit`, where so many fit."""
        finder = self._finder
        terms = finder.terms(query.words)
        within = finder.within(query.partial, borough)
        begun = any(word.unfinished for word in query.words)
        names = [term for term in terms.terms if term.sort is Sort.WORD]
        rows: list[int] = []
        if len(names) == len(terms.terms):
            streets = finder.streets_named(names, within, limit)
            rows = finder.buildings_named(names, query.partial, borough, limit)
            if len(streets) + len(rows) < limit:
                rows += [row for street in streets[:3] for row in finder.streets.rows(street - finder.index.first_street, limit)]
        elif begun:
            streets = finder.streets_named(
                [term for term in names if term.token not in UNIT_WORDS or term is terms.terms[-1]], within, MOST_STREETS
            )
            rows = self._at_numbers(terms, streets, limit)
            streets = streets if len(rows) < limit else []
        else:
            streets = finder.streets_named(names, within, limit)
        if len(rows) < (ENOUGH_BEGUN if begun else limit):
            rows += finder.candidates(terms, within, max(MOST_CANDIDATES, limit))
        rows = [row for row in dict.fromkeys(rows) if self._is_in(row, query.partial) and not finder.is_historical(row)]
        return self._ranked(terms, streets[:limit], rows, limit)

    def _at_numbers(self, terms: Terms, streets: Sequence[int], limit: int) -> list[int]:
        """`12 quil`, `flat 2 12 quil`: what has the number on the streets; of several numbers the last that anything has."""
        numbers = [min(int(term.token[:5]), HIGHEST_NUMBER) for term in terms.terms if term.sort is Sort.NUMBER]
        most, of_a_street = (2 * limit, limit) if len(numbers) == 1 else (4 * limit, 2 * limit)
        first, at_number = self._finder.index.first_street, self._finder.streets.at_number
        for number in reversed(numbers):
            rows: list[int] = []
            for street in streets:
                rows += at_number(street - first, number, of_a_street)
                if len(rows) >= most:
                    break
            if rows:
                return rows[:most]
        return []

    def _is_in(self, row: int, area: Sequence[PartialPostcode]) -> bool:
        return not area or any(self._premises.postcode_of(row).startswith(begun.prefix) for begun in area)

    def _ranked(self, terms: Terms, streets: list[int], rows: list[int], limit: int) -> list[int]:
        """Best first; equals streets first, then homes before shells."""
        finder = self._finder
        hits = finder.hits(terms, rows, max(MOST_RANKED, limit))
        ranked = [(-hit.comparison.score, 1 + finder.is_shell(hit.row), hit.row) for hit in hits]
        ranked += [(-finder.street_score(terms, row), 0, row) for row in streets]
        ranked.sort(key=lambda entry: entry[:2])
        return [row for _, _, row in ranked]

    def _shown(self, rows: Sequence[int], limit: int) -> list[Found]:
        return [self._show(row) for row in rows[:limit]]

    def _show(self, row: int) -> Found:
        first = self._finder.index.first_street
        if row < first:
            return self._premises.found(row)
        streets, number = self._finder.streets, row - first
        latitude, longitude = streets.places[number].tolist()
        address = readable(", ".join(filter(None, (streets.names[number], streets.towns[number]))))
        return Found(Kind.STREET, address, "", streets.boroughs[number], longitude, latitude)

    # ------------------------------------------------------------ everything, scored

    def find(
        self, text: str, *, limit: int, offset: int = 0, within: tuple[float, float, float, float] | None = None
    ) -> tuple[int, list[tuple[int, float]]]:
        """How many were found (of more than `MOST_FOUND` the best so many), and UPRN and score of those from `offset`, best first.

        The score is 1 where the address holds every word asked for and no other number. `within` is a rectangle of the National Grid:
        least easting and northing, greatest easting and northing, metres.
        """
        query = Query.parse(text, self._postcodes.outwards, finished=True)
        scored = self._scored(query, within)
        page = scored[offset : offset + limit]
        return len(scored), [(int(self._premises.uprns[row]), score) for row, score in page]

    def _scored(self, query: Query, within: tuple[float, float, float, float] | None) -> list[tuple[int, float]]:
        finder = self._finder
        terms = finder.terms(query.words)
        rows = self._rows_to_score(query, terms, within)
        if not query.words:
            return [(row, 1.0) for row in rows[:MOST_FOUND]]
        hits = finder.hits(terms, rows, MOST_FOUND)
        scored = [(hit.row, self._similarity(hit.comparison, terms), hit.comparison.score) for hit in hits if hit.comparison.matched]
        scored.sort(key=lambda entry: (-entry[1], -entry[2]))
        return [(row, score) for row, score, _ in scored]

    def _similarity(self, found: Comparison, terms: Terms) -> float:
        return similarity(found, terms, self._finder.extra_of(found), self._finder.held_weight(found))

    def _rows_to_score(self, query: Query, terms: Terms, within: tuple[float, float, float, float] | None) -> list[int]:
        """Rows in the order in which equals are shown."""
        finder, premises = self._finder, self._premises
        inside = None if within is None else sorted(premises.points.within(*within).tolist())
        if inside is not None and len(inside) <= MOST_IN_BOX and query.words:
            return inside
        rows: list[int] = []
        if query.postcode:
            rows = self.rows_at(query.postcode)
        elif query.partial and not query.words:
            rows = [row for begun in query.partial for row in premises.at_postcode(begun.prefix, begun.after)[: 4 * MOST_FOUND].tolist()]
        if query.words and (not query.postcode or not self._answered(terms, rows)):
            within_area = finder.within(query.partial, None)
            found = finder.candidates(terms, within_area, MOST_FOUND) or finder.candidates(terms, (), MOST_FOUND)
            rows += [row for row in found if row < finder.index.first_street]
        chosen = None if inside is None else set(inside)
        return [row for row in dict.fromkeys(rows) if chosen is None or row in chosen]

    def _answered(self, terms: Terms, rows: Sequence[int]) -> bool:
        hits = self._finder.hits(terms, rows, MOST_CANDIDATES)
        return bool(hits) and hits[0].comparison.matched >= GOOD_AT_POSTCODE * terms.weight


def similarity(found: Comparison, terms: Terms, extra: Extra, held_weight: float) -> float:
    """0 to 1: the share of the query's weight that the address holds, a little less for what it says besides."""
    if not terms.weight:
        return 0.0
    besides = 0.04 * extra.numbers + 0.04 * extra.letters + 0.05 * extra.words / max(held_weight, 1e-9)
    return max(0.0, min(1.0, found.matched / terms.weight - min(besides, 0.15) - 0.05 * found.disorder))


def _as_result(live: LivePostcode) -> Found:
    return Found(Kind.POSTCODE, str(live.postcode), str(live.postcode), live.borough, live.lng, live.lat)
