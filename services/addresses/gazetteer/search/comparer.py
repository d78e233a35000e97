"""Compares rows with the terms of a query."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from services.addresses.domain.search.scoring import Comparison, Extra, Terms, compare
from services.addresses.domain.search.tokens import tokens
from services.addresses.gazetteer.files.streets import Streets

from .index import Index
from .weights import Penalties, Sorts, Weights

FLAT_BONUS = 2_000_000
"""Bonus in millionths of a weight for the flat of the query: its block may have the same number."""
FEW_SOUGHT = 12
"""Up to this number of codes, one-by-one search in a row's tokens is faster than a set."""

RowTokens = tuple[int, str]
"""A row and its tokens."""


@dataclass(slots=True)
class Hit:
    """A row and its comparison with the query."""

    row: int
    comparison: Comparison


class Comparer:
    """Scores rows of one release against queries."""

    def __init__(self, index: Index, streets: Streets, weights: Weights) -> None:
        self._index, self._streets, self._weights, self._sorts = index, streets, weights, Sorts(index)
        self._penalties = Penalties(weights, self._sorts)
        self._codes_of_street = lru_cache(20_000)(self._street_codes)

    def hits(self, terms: Terms, rows: Sequence[int], most: int | None = None) -> list[Hit]:
        """Compares rows with the query; the best first, equals in the order given. Compares only the `most` likeliest if given."""
        record_tokens = self._index.record_tokens
        return self.hits_of(terms, [(row, record_tokens(row)) for row in rows], most)

    def hits_of(self, terms: Terms, rows_tokens: Sequence[RowTokens], most: int | None = None) -> list[Hit]:
        """Does the same for rows that come with their tokens."""
        if most is not None and len(rows_tokens) > most:
            rows_tokens = self._likeliest(terms, rows_tokens, most)
        penalties, sorts = self._penalties, self._sorts
        compared = [Hit(row, compare(terms, record_tokens, penalties, sorts)) for row, record_tokens in rows_tokens]
        compared.sort(key=lambda hit: -hit.comparison.score)
        return compared

    def _likeliest(self, terms: Terms, rows_tokens: Sequence[RowTokens], most: int) -> Sequence[RowTokens]:
        """Returns the rows that share the greatest weight with the query."""
        worth = {code: int(1e6 * worth) for code, (_, worth) in terms.at.items()}  # integers: their sum does not depend on the order
        flats = [(flat + code, FLAT_BONUS) for flat, following in terms.flats.items() for code in following.readings]
        if len(worth) <= FEW_SOUGHT:
            sought = [*worth.items(), *flats]
            shared = [-sum([worth_of for codes, worth_of in sought if codes in record_tokens]) for _, record_tokens in rows_tokens]
        else:
            codes, worth_of_code = worth.keys(), worth.__getitem__
            shared = [
                -sum(map(worth_of_code, codes & set(record_tokens))) - sum([bonus for flat, bonus in flats if flat in record_tokens])
                for _, record_tokens in rows_tokens
            ]
        return [rows_tokens[at] for at in sorted(range(len(shared)), key=shared.__getitem__)[:most]]

    def extra_of(self, compared: Comparison) -> Extra:
        """Returns the tokens of an address beyond the query."""
        return Extra.of(compared, self._weights, self._sorts)

    def record_weight(self, compared: Comparison) -> float:
        """Returns the weight of all tokens of an address."""
        return sum(map(self._weights.__getitem__, compared.record_tokens))

    def compare_street(self, terms: Terms, row: int) -> Comparison:
        """Compares a street's name with the query."""
        return compare(terms, self._codes_of_street(row - self._index.first_street), self._penalties, self._sorts)

    def _street_codes(self, street: int) -> str:
        return "".join(filter(None, map(self._index.vocabulary.code, tokens(self._streets.names[street]))))
