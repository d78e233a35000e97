"""Finds every record that fits a text, with a score for each: the search of OS Places' `find`."""

from collections.abc import Sequence

from services.addresses.domain.search.query import Query
from services.addresses.domain.search.scoring import Comparison, Extra, Terms
from services.addresses.gazetteer.files.postcodes import Postcodes
from services.addresses.gazetteer.files.premises import PremisesFiles

from .candidates import GOOD_AT_POSTCODE, MOST_CANDIDATES, Finder

MOST_FOUND = 1_000
"""Limit of the records that `find` compares."""
MOST_IN_BOX = 5_000
"""Limit of the records in a rectangle that are all compared; of more, only those that the index returns."""


class RecordSearch:
    """Scores the records of one release against whole texts."""

    def __init__(self, finder: Finder, premises: PremisesFiles, postcodes: Postcodes) -> None:
        self._finder, self._comparer, self._premises, self._postcodes = finder, finder.comparer, premises, postcodes

    def find(
        self, text: str, *, limit: int, offset: int = 0, within: tuple[float, float, float, float] | None = None
    ) -> tuple[int, list[tuple[int, float]]]:
        """Returns the number of records found (at most `MOST_FOUND`), and UPRN and score of a page of them, best first.

        The score is 1 for an address with every word of the query and no other number. `within` is a rectangle of the National Grid:
        least easting and northing, greatest easting and northing, in metres.
        """
        query = Query.parse(text, self._postcodes.outwards, finished=True)
        scored = self._scored(query, within)
        page = scored[offset : offset + limit]
        return len(scored), [(int(self._premises.uprns[row]), score) for row, score in page]

    def _scored(self, query: Query, within: tuple[float, float, float, float] | None) -> list[tuple[int, float]]:
        finder = self._finder
        terms = finder.interpreter.terms(query.words)
        rows = self._rows_to_score(query, terms, within)
        if not query.words:
            return [(row, 1.0) for row in rows[:MOST_FOUND]]
        hits = self._comparer.hits(terms, rows, MOST_FOUND)
        scored = [(hit.row, self._similarity(hit.comparison, terms), hit.comparison.score) for hit in hits if hit.comparison.matched]
        scored.sort(key=lambda entry: (-entry[1], -entry[2]))
        return [(row, score) for row, score, _ in scored]

    def _similarity(self, found: Comparison, terms: Terms) -> float:
        return similarity(found, terms, self._comparer.extra_of(found), self._comparer.record_weight(found))

    def _rows_to_score(self, query: Query, terms: Terms, within: tuple[float, float, float, float] | None) -> list[int]:
        """Returns rows in the order that breaks ties of scores."""
        finder, premises = self._finder, self._premises
        inside = None if within is None else sorted(premises.points.within(*within).tolist())
        if inside is not None and len(inside) <= MOST_IN_BOX and query.words:
            return inside
        rows: list[int] = []
        if query.postcode:
            rows = finder.rows_at(query.postcode)
        elif query.partial and not query.words:
            rows = [row for begun in query.partial for row in premises.at_postcode(begun.prefix, begun.after)[: 4 * MOST_FOUND].tolist()]
        if query.words and (not query.postcode or not self._answered(terms, rows)):
            within_area = finder.within(query.partial, None)
            found = finder.candidates(terms, within_area, MOST_FOUND) or finder.candidates(terms, (), MOST_FOUND)
            rows += [row for row in found if row < finder.index.first_street]
        chosen = None if inside is None else set(inside)
        return [row for row in dict.fromkeys(rows) if chosen is None or row in chosen]

    def _answered(self, terms: Terms, rows: Sequence[int]) -> bool:
        hits = self._comparer.hits(terms, rows, MOST_CANDIDATES)
        return bool(hits) and hits[0].comparison.matched >= GOOD_AT_POSTCODE * terms.weight


def similarity(found: Comparison, terms: Terms, extra: Extra, record_weight: float) -> float:
    """Returns a score of 0 to 1: the share of the query's weight in the address, less a deduction for extra words and disorder."""
    if not terms.weight:
        return 0.0
    surplus = 0.04 * extra.numbers + 0.04 * extra.letters + 0.05 * extra.words / max(record_weight, 1e-9)
    return max(0.0, min(1.0, found.matched / terms.weight - min(surplus, 0.15) - 0.05 * found.disorder))
