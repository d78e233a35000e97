"""Finds candidates for the terms of a query: rows of premises and streets, by the index, by name, and by postcode.

Keeps index queries small: they demand rare words, and search a sample for queries of only common words (`flat 1`).
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from operator import attrgetter
from pathlib import Path

from services.addresses.domain.geography.postcode import PartialPostcode, Postcode
from services.addresses.domain.search.query import POST_TOWN
from services.addresses.domain.search.scoring import Sort, Term, Terms
from services.addresses.gazetteer.files.name_lists import LONGEST, LONGEST_NARROWED, WordLists
from services.addresses.gazetteer.files.premises import PremisesFiles
from services.addresses.gazetteer.files.streets import Streets

from .comparer import Comparer, RowTokens
from .index import Index
from .index import Query as Asked
from .interpretation import COMMON, Interpreter
from .weights import Weights

VAGUE = 30_000
"""Document frequency: if every word of a query is more frequent, the search begins in the sample."""
VAGUE_ALONE = 6_000
"""The same for a single word, and for numbers without a word: the sample contains enough records with such a token."""
VAGUE_ORDERED = 10_000
"""Document frequency up to which a name's records are ranked by the other terms."""
MOST_RANKING = 6
"""Limit of the terms in that ranking."""
MOST_DEMANDED = 8
"""Limit of the words that the index must find together."""
MOST_BARE_NUMBERS = 3
"""Limit of numbers and letters without a word; more are searched for only in the sample, because their lists take long to read."""
MOST_JOINED_FREQUENT = 4
"""A frequent word with more readings is never demanded of the index, which would merge lists of millions of records."""
GOOD_AT_POSTCODE = 0.6
"""Share of a query's weight: if nothing at its postcode reaches it, the postcode may be wrong."""
MOST_CANDIDATES = 24
"""Limit of the rows to compare; if more answer a query equally, it is too vague for their order to matter."""
FREQUENT = 40
"""A word in more than one of 40 records is frequent. The index demands it only if the other words find too many rows, because reading its
list takes most of a query's time."""
MOST_LOOKED_THROUGH = 100
"""Limit of the rows with the other words, in which the search looks for the frequent ones."""
MOST_ASKED = 24
"""Limit of the readings of a word in an index query, the most frequent first."""
POSTCODES_KEPT_READ = 2_000
"""Postcodes in the cache, some 5 kB each: a match job asks for the same postcodes many times."""
MOST_HOLDING = 200
"""Limit of the rows with the complete words, in which the search looks for the incomplete one."""


Within = tuple[tuple[str, ...], ...]
"""A conjunction of alternatives: a row must have at least one area token of each tuple."""


_document_frequency = attrgetter("document_frequency")


class Finder:
    """Finds rows in the open index and premises of one release."""

    def __init__(self, folder: Path, premises: PremisesFiles, outwards: Collection[str]) -> None:
        self.outwards = outwards
        """Every outward code that has a live postcode."""
        self.index = Index(folder)
        self.streets = Streets(folder)
        self._buildings = WordLists(folder, "buildings_by_word")
        self.vocabulary = self.index.vocabulary
        self._premises = premises
        weights = Weights(self.index)
        self.interpreter = Interpreter(self.index, weights)
        self.comparer = Comparer(self.index, self.streets, weights)
        self._any_of = lru_cache(2_000)(self._any_of_codes)
        self._named = lru_cache(5_000)(self._streets_named)
        self.living_at = lru_cache(POSTCODES_KEPT_READ)(self._living_at)
        """Returns the rows at a postcode (`NW1 1AA`) that are not historical, in the order of their addresses, with their tokens."""
        self.begins_outward = lru_cache(500)(self._begins_outward)
        """Tells whether an outward code has this prefix."""
        self._begun_words = lru_cache(500)(self._begun_words_of)

    # ------------------------------------------------------------ candidates

    def within(self, area: Sequence[PartialPostcode], borough: str | None) -> Within:
        """Returns the area tokens of rows in the borough and in one of the areas."""
        within: list[tuple[str, ...]] = [(borough,)] if borough else []
        if area:
            within.append(tuple(token for begun in area for token in self._area_tokens(begun)))
        return tuple(within)

    def _narrowed(self, within: Within) -> list[Asked]:
        return [self.index.any_of("area", areas or ("-",)) for areas in within]

    def _area_tokens(self, begun: PartialPostcode) -> Iterator[str]:
        """Yields the narrowest area tokens of a partial postcode: a sector, a district, or every district with the prefix."""
        outward, space, inward = begun.prefix.partition(" ")
        if inward:
            yield f"{outward}_{inward[0]}"
        elif space:
            yield outward
        else:
            yield from (word for word in self.outwards if word.startswith(outward))

    def candidates(self, terms: Terms, within: Within, most: int) -> list[int]:
        """Returns rows for the terms by the strictest query that finds any: all known terms, then two rare names, then one."""
        narrowed = self._narrowed(within)
        known = [term for term in terms.terms if term.is_known]
        if not known or (len(known) < len(terms.terms) and not any(term.sort is Sort.WORD for term in known)):
            return []
        if rows := self._holding_all(known, narrowed, most):
            return rows
        names = sorted((term for term in known if term.sort is Sort.WORD), key=lambda term: -term.weight)
        asked = {id(term): self._asked("words", term) for term in known}
        for must in ([names[:2]] if len(names) > 2 else []) + [[name] for name in names[:3]]:
            if must[0].document_frequency > VAGUE_ORDERED:
                continue
            should = [asked[id(term)] for term in self._ranking(known) if term not in must]
            if rows := self.index.rows([*narrowed, *(asked[id(term)] for term in must)], should, most=most):
                return rows
        return []

    def finds_all(self, terms: Terms, typing: str) -> bool:
        """Tells whether `candidates` is complete if it returns fewer rows than asked.

        It is complete if it returns every row with all finished terms and a word that begins with `typing`.
        """
        known = [term for term in terms.terms if term.is_known]
        if len(known) < len(terms.terms) or not known or not typing.isalpha() or POST_TOWN.startswith(typing):
            return False
        last = known[-1]
        is_vague = min(map(_document_frequency, known)) > VAGUE_ALONE or any(
            self._is_frequent(term) for term in known if len(term.readings) > 1
        )
        return (
            not is_vague
            and self.interpreter.codes_begun(typing) <= set(tuple(last.readings)[:MOST_ASKED])
            and not self.begins_outward(typing)
        )

    def relaxed(self, terms: Terms, most: int) -> list[int]:
        """Returns rows with a rare name and all numbers, then rows with a rare name, ranked by the other terms."""
        known = [term for term in terms.terms if term.is_known]
        asked = {id(term): self._asked("words", term) for term in known}
        numbers = [asked[id(term)] for term in known if term.sort is Sort.NUMBER]
        names = sorted(
            (term for term in known if term.sort is Sort.WORD and term.document_frequency <= VAGUE_ORDERED), key=lambda term: -term.weight
        )
        rows: list[int] = []
        for name in names[:3]:
            others = [asked[id(term)] for term in self._ranking(known) if term is not name]
            if numbers:
                rows += self.index.rows([asked[id(name)], *numbers], others, most=most)
            rows += self.index.rows([asked[id(name)]], others, most=most)
        return list(dict.fromkeys(rows))

    def _holding_all(self, known: Sequence[Term], narrowed: Sequence[Asked], most: int) -> list[int]:
        """Returns rows with all known terms; of more than `MOST_DEMANDED` terms it demands the rarest."""
        if len(known) > MOST_DEMANDED:
            known = sorted(known, key=_document_frequency)[:MOST_DEMANDED]
        is_bare = not any(term.sort is Sort.WORD for term in known)
        if min([term.document_frequency for term in known]) > (VAGUE_ALONE if is_bare or len(known) == 1 else VAGUE):
            rows = self.index.rows([*narrowed, *(self._asked("few", term) for term in known)], most=most)
            if len(rows) >= most // 4 or (is_bare and len(known) > MOST_BARE_NUMBERS):
                return rows
        frequent = [term for term in known if self._is_frequent(term)]
        if 0 < len(frequent) < len(known):
            asked = [self._asked("words", term) for term in known if term not in frequent]
            rows = self.index.rows([*narrowed, *asked], most=max(most, MOST_LOOKED_THROUGH))
            holding = list(islice(self._holding(rows, frequent), most))
            is_begun = any(len(term.readings) > MOST_JOINED_FREQUENT for term in frequent)
            if len(holding) == most or len(rows) < MOST_LOOKED_THROUGH or is_begun:
                return holding or rows[:most]
        return self.index.rows([*narrowed, *(self._asked("words", term) for term in known)], most=most)

    def _holding(self, rows: Sequence[int], terms: Sequence[Term]) -> Iterator[int]:
        """Yields those rows that contain all the terms."""
        disjoint = [term.readings.keys().isdisjoint for term in terms]
        return (
            row
            for row, record_tokens in zip(rows, map(self.index.record_tokens, rows), strict=True)
            if not any(apart(record_tokens) for apart in disjoint)
        )

    def _asked(self, field: str, term: Term) -> Asked:
        return self._any_of(field, tuple(term.readings)[:MOST_ASKED])

    def _any_of_codes(self, field: str, codes: tuple[str, ...]) -> Asked:
        words = [self.vocabulary.word(code) for code in codes]
        in_context = [word for word in words if self.vocabulary.is_in_context(word)] if field == "words" else []
        asked = self.index.any_of(field, words)
        return self.index.either(asked, self.index.any_of("area", in_context)) if in_context else asked

    def holding_finished(self, terms: Terms, within: Within) -> list[int]:
        """Returns rows with every finished term, at most `MOST_HOLDING`."""
        finished = [term for term in terms.terms[: terms.finished] if term.is_known]
        if not finished or len(finished) < terms.finished:
            return []
        return self._holding_all(finished, self._narrowed(within), MOST_HOLDING)

    def holding_begun(self, terms: Terms, codes: frozenset[str], within: Within, most: int) -> list[int]:
        """Returns rows with every finished term and at least one of the codes."""
        finished = sorted((term for term in terms.terms[: terms.finished] if term.is_known), key=_document_frequency)[:MOST_DEMANDED]
        return self.index.rows(
            [*self._narrowed(within), *(self._asked("words", term) for term in finished), self._begun_words(codes)], most=most
        )

    def _begins_outward(self, run: str) -> bool:
        return any(outward.startswith(run) for outward in self.outwards)

    def _begun_words_of(self, codes: frozenset[str]) -> Asked:
        return self._any_of_codes("words", tuple(sorted(codes)))

    def _is_frequent(self, term: Term) -> bool:
        return term.sort is Sort.WORD and term.document_frequency * FREQUENT > self.index.first_street

    def _ranking(self, known: Sequence[Term]) -> list[Term]:
        """Returns the terms that rank candidates: the rarest, without kinds of streets and buildings."""
        ranking = [term for term in known if term.sort is not Sort.WORD or term.document_frequency * COMMON <= self.index.first_street]
        return sorted(ranking, key=_document_frequency)[:MOST_RANKING]

    # ------------------------------------------------------------ by name

    def streets_named(self, terms: Sequence[Term], within: Within, most: int) -> list[int]:
        """Returns rows of streets with all the words in their names: first as typed, then by other readings; the largest first."""
        if not terms or not all(term.is_known for term in terms):
            return []
        found: list[int] = []
        if any(len(term.readings) > 1 for term in terms):
            found += self._named(tuple([self._words(term, least=1.0) for term in terms]), within, most)
        if len(found) < most:
            found += self._named(tuple([self._words(term) for term in terms]), within, most)
        first = self.index.first_street
        return [first + street for street in dict.fromkeys(found)][:most]

    def _streets_named(self, words: tuple[tuple[str, ...], ...], within: Within, most: int) -> tuple[int, ...]:
        return tuple(self.streets.named(words, within)[:most].tolist())

    def buildings_named(self, terms: Sequence[Term], area: Sequence[PartialPostcode], borough: str | None, most: int) -> list[int]:
        """Returns rows of whole buildings with all the words in their names."""
        if not terms or not all(term.is_known for term in terms):
            return []
        longest = LONGEST_NARROWED if area or borough else LONGEST
        rows = self._buildings.of_all([self._words(term) for term in terms], longest)
        return self._premises.inside(rows, area, borough)[:most].tolist()  # type: ignore[no-any-return]

    def _words(self, term: Term, least: float = 0.0) -> tuple[str, ...]:
        """Returns the words of a term's readings with at least this credit."""
        return tuple([self.vocabulary.word(code) for code, credit in term.readings.items() if credit >= least])

    # ------------------------------------------------------------ rows

    def rows_at(self, postcode: Postcode) -> list[int]:
        """Returns the rows at a postcode in the order of their addresses."""
        text = str(postcode)
        return self._premises.at_postcode(text, PartialPostcode(text).after).tolist()  # type: ignore[no-any-return]

    def _living_at(self, postcode: str) -> tuple[RowTokens, ...]:
        rows = self._premises.at_postcode(postcode, PartialPostcode(postcode).after).tolist()
        return tuple([(row, self.index.record_tokens(row)) for row in rows if not self.is_historical(row)])

    def is_historical(self, row: int) -> bool:
        """Tells whether the row's BLPU is historical."""
        return self._premises.is_historical(row)

    def is_shell(self, row: int) -> bool:
        """Tells whether the row is a parent shell."""
        return self._premises.is_shell(row)

    def in_borough(self, borough: str | None) -> Callable[[int], bool]:
        """Returns a predicate that tells whether a row is in the borough; always true for None."""
        codes = self._premises.borough_codes
        if borough is None:
            return lambda _: True
        number = codes.index(borough) if borough in codes else -1
        return lambda row: int(self._premises.boroughs[row]) == number
