"""Reads the index that `builds.index` writes: the vocabulary, the tokens of each record, and the full-text index."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import tantivy

from services.addresses.domain.search.spelling import Spellings
from services.addresses.gazetteer.files.columns import Texts, elements, map_file, open_column
from services.addresses.gazetteer.files.index_schema import FIRST_TOKEN, INDEX, schema

from .documents import documents_of

Query = tantivy.Query
MUST, SHOULD = tantivy.Occur.Must, tantivy.Occur.Should
MOST_CORRECTIONS = 8
MOST_JOINED = 40
"""Limit of words in a boolean query, which merges their posting lists lazily; a term set query collects the records of more."""


class Vocabulary:
    """The tokens of a release. A token's code is its character in a record's text of tokens."""

    def __init__(self, folder: Path) -> None:
        texts = Texts(folder / "vocabulary")
        self.words = [texts[number] for number in range(len(texts))]
        self.document_frequency: list[int] = open_column(folder / "vocabulary_held_by.npy").tolist()
        in_context = open_column(folder / "vocabulary_in_context.npy").tolist()
        self._numbers = {
            word: number
            for number, (word, record_tokens, context) in enumerate(zip(self.words, self.document_frequency, in_context, strict=True))
            if record_tokens or context
        }
        self._sorted = sorted(word for word in self._numbers if not word.isdigit())
        self._sorted_frequencies = np.array([self.frequency(word) for word in self._sorted], np.int64)
        self._in_context = frozenset([word for word, context in zip(self.words, in_context, strict=True) if context])
        self._digits = sorted(word for word in self._numbers if word.isdigit())
        self._spellings = Spellings(self._numbers)
        self.corrections = lru_cache(20_000)(self._corrections)
        self.beginning_with = lru_cache(2_000)(self._beginning_with)

    @property
    def in_use(self) -> list[str]:
        """The tokens that at least one record has."""
        return list(self._numbers)

    def code(self, word: str) -> str | None:
        """Returns the code of a token; None if no record has it."""
        number = self._numbers.get(word)
        return None if number is None else chr(FIRST_TOKEN + number)

    def word(self, code: str) -> str:
        """Returns the token of a code."""
        return self.words[ord(code) - FIRST_TOKEN]

    def frequency(self, word: str) -> int:
        """Returns the number of records with a token."""
        number = self._numbers.get(word)
        return 0 if number is None else self.document_frequency[number]

    def is_in_context(self, word: str) -> bool:
        """Tells whether a record has a token in its locality, town or council."""
        return word in self._in_context

    def all_beginning_with(self, prefix: str) -> list[str]:
        """Returns all words with a prefix, in order."""
        return self._sorted[bisect_left(self._sorted, prefix) : bisect_left(self._sorted, prefix + "\uffff")]

    def numbers_beginning_with(self, digits: str) -> list[str]:
        """Returns all numbers with a prefix, without regard to leading zeros."""
        begun = digits.lstrip("0") or "0"
        return self._digits[bisect_left(self._digits, begun) : bisect_left(self._digits, begun + "\uffff")]

    def _beginning_with(self, prefix: str, most: int) -> tuple[str, ...]:
        """Returns words with a prefix, the most frequent first."""
        first, last = bisect_left(self._sorted, prefix), bisect_left(self._sorted, prefix + "\uffff")
        order = (-self._sorted_frequencies[first:last]).argsort(kind="stable")
        return tuple([self._sorted[first + at] for at in order[:most].tolist()])

    def _corrections(self, word: str, errors: int) -> tuple[tuple[str, int], ...]:
        """Returns the nearest words within a number of errors, and their distance; the most frequent first."""
        near = self._spellings.nearest(word, errors)
        near.sort(key=lambda pair: (-self.frequency(pair[0]), pair[0]))
        return tuple(near[:MOST_CORRECTIONS])


class Index:
    """The open full-text index of one release. Rows from `first_street` on are streets."""

    def __init__(self, folder: Path) -> None:
        self.vocabulary = Vocabulary(folder)
        self._schema = schema()
        index = tantivy.Index(self._schema, path=str(folder / INDEX))
        index.config_reader(reload_policy="manual")
        self._searcher = index.searcher()
        self._documents = documents_of(folder, self._searcher)
        self._tokens, self._ends = memoryview(map_file(folder / "tokens")), elements(open_column(folder / "token_ends.npy"))
        self.first_street = len(self._ends) - 1
        self.term = lru_cache(5_000)(self._term)

    def record_tokens(self, row: int) -> str:
        """Returns a record's text of tokens: a character for each, with the separators of `domain.search.scoring`."""
        return str(self._tokens[self._ends[row] : self._ends[row + 1]], "utf-8", "surrogatepass")

    def _term(self, field: str, word: str) -> Query:
        return Query.term_query(self._schema, field, word)

    def any_of(self, field: str, words: Sequence[str]) -> Query:
        """Makes a query for records with at least one of the words."""
        if len(words) == 1:
            return self.term(field, words[0])
        if len(words) <= MOST_JOINED:
            joined = Query.boolean_query([(SHOULD, self.term(field, word)) for word in words])
        else:  # it first clears a bit for each record, so it costs more for few words
            joined = Query.term_set_query(self._schema, field, list(words))
        return Query.const_score_query(joined, 1.0)

    def either(self, one: Query, other: Query) -> Query:
        """Makes a query for the records of either query."""
        return Query.const_score_query(Query.boolean_query([(SHOULD, one), (SHOULD, other)]), 1.0)

    def rows(self, must: Iterable[Query], should: Iterable[Query] = (), *, most: int) -> list[int]:
        """Returns rows that satisfy every `must`, ranked by the number and rarity of the `should` that they satisfy."""
        clauses: list[tuple[Any, Query]] = [*((MUST, query) for query in must), *((SHOULD, query) for query in should)]
        if not clauses:
            return []
        return self._documents.rows(self._searcher, Query.boolean_query(clauses), most)
