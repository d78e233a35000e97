"""Finds the records that match the text typed so far: every finished word, and a token, town or postcode with the last run as prefix."""

from services.addresses.domain.search.query import POST_TOWN, Query
from services.addresses.domain.search.scoring import Comparison, Terms
from services.addresses.gazetteer.files.premises import PremisesFiles

from .candidates import MOST_HOLDING, Finder, Within


class TypedSoFar:
    """A typed query with its terms."""

    def __init__(self, query: Query, terms: Terms, finder: Finder, premises: PremisesFiles) -> None:
        self._run, self._terms, self._finder, self._premises = query.typing, terms, finder, premises
        self._begins_town = bool(terms.finished) and bool(self._run) and POST_TOWN.startswith(self._run)
        self._is_all_known = all(term.is_known for term in terms.terms[: terms.finished])

    def is_held(self, compared: Comparison, row: int) -> bool:
        """Tells whether a compared row matches the whole text."""
        if None not in compared.places:
            return True
        if not self._run or None in compared.places[: self._terms.finished]:
            return False
        return self._is_begun(f"{compared.record_tokens}{compared.optional_tokens}", row)

    def rows(self, within: Within, most: int) -> list[int]:
        """Returns rows that match the whole text: all of them, or at least `most`."""
        if not self._is_all_known:
            return []
        finder, first_street = self._finder, self._finder.index.first_street
        are_few = min(term.document_frequency for term in self._terms.terms[: self._terms.finished]) <= MOST_HOLDING
        rows = [] if are_few else finder.holding_begun(self._terms, self._codes, within, 2 * most)
        if len(rows) < most and (are_few or self._begins_town or finder.begins_outward(self._run)):
            record_tokens = finder.index.record_tokens
            finished = [row for row in finder.holding_finished(self._terms, within) if row < first_street]
            rows += finished if self._begins_town else [row for row in finished if self._is_begun(record_tokens(row), row)]
        return [row for row in dict.fromkeys(rows) if row < first_street]

    @property
    def _codes(self) -> frozenset[str]:
        return self._finder.interpreter.codes_begun(self._run)

    def _is_begun(self, record_tokens: str, row: int) -> bool:
        """Tells whether the last run is a prefix of the town, of a token, or of the postcode of a row."""
        if self._begins_town or not self._codes.isdisjoint(record_tokens):
            return True
        return row < self._finder.index.first_street and self._premises.postcode_of(row).replace(" ", "").startswith(self._run)
