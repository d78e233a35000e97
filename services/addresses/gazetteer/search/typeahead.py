"""Searches one release for typed text.

`Typeahead.search` parses the text, then answers from the precomputed prefixes, from the postcode, or from the words: it interprets them,
finds rows by name and by index, compares and ranks the rows, and shows the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.addresses.domain.geography.postcode import PartialPostcode, Postcode
from services.addresses.domain.search.query import Query
from services.addresses.domain.search.result import Answer, Found, ResultKind
from services.addresses.domain.search.scoring import Comparison, Sort, Term, Terms
from services.addresses.domain.search.title_case import readable
from services.addresses.domain.search.tokens import KINDS
from services.addresses.gazetteer.files.postcodes import LivePostcode, Postcodes
from services.addresses.gazetteer.files.premises import PremisesFiles
from services.addresses.gazetteer.files.streets import HIGHEST_NUMBER

from .candidates import GOOD_AT_POSTCODE, MOST_CANDIDATES, MOST_HOLDING, Finder, Within
from .prefix_matches import TypedSoFar
from .prefixes import Prefixes
from .weights import UNIT_WORDS

MOST_RANKED = 12
"""Minimum of the rows to compare in full."""
MOST_STREETS = 40
"""Limit of the streets on which to look for a number."""
ENOUGH_BEGUN = 5
"""Number of rows on streets with an incomplete name that makes a search for other premises unnecessary."""
LEAST_AS_TYPED = 0.9
"""Credit below which a reading is another spelling than the typed one."""


@dataclass(slots=True)
class Ranked:
    """Rows for a query, best first."""

    rows: list[int]
    terms: Terms
    first: Comparison | None
    """The comparison of the first row; None without rows."""
    is_held: bool
    """True if the first row matches the whole text."""
    holding: int
    """Number of the first rows that match the whole text."""
    set_aside: tuple[str, ...]


class Typeahead:
    """Suggests results while a person types. Accepts any text."""

    def __init__(self, finder: Finder, premises: PremisesFiles, postcodes: Postcodes, prefixes: Prefixes | None = None) -> None:
        """Opens the search. Without `prefixes`, `search` computes short prefixes too; the build does so to write them."""
        self._finder, self._comparer, self._premises, self._postcodes = finder, finder.comparer, premises, postcodes
        self._prefixes = prefixes

    def search(self, text: str, limit: int, borough: str | None = None) -> Answer:
        """Searches for typed text; returns at most `limit` results, best first, without historical records.

        A whole postcode finds its premises, narrowed by the other words, or the postcode itself if it has no premises. A partial
        postcode alone finds postcodes. The answer names words that no address contains; if no address contains any of the names in the
        text, there are no results. A result for part of a text stays while its address matches the longer text, unless `limit` others
        match the whole text.
        """
        query = Query.parse(text, self._postcodes.outwards, is_live=self._is_live)
        if query.is_empty:
            return Answer()
        if query.postcode:
            return self._at_postcode(query, query.postcode, limit, borough)
        if query.partial and not query.words:
            found = [live for begun in query.partial for live in self._postcodes.beginning_with(begun, borough, limit)]
            if found:
                return Answer(tuple(_as_result(live) for live in dict.fromkeys(found))[:limit])
        rows = self._prefixes.rows(query, limit, borough) if self._prefixes else None
        if rows is not None:
            return Answer(self._shown(rows, limit))
        ranked = self.by_words(query, limit, borough)
        if query.partial and not ranked.holding:
            ranked = self._with_districts_as_words(text, ranked, limit, borough)
        return self._answer(ranked, limit)

    def _is_live(self, postcode: Postcode) -> bool:
        return self._postcodes.postcode(postcode) is not None

    def _with_districts_as_words(self, text: str, ranked: Ranked, limit: int, borough: str | None) -> Ranked:
        """Puts rows that match a district's code as a flat or building before the rows in the district."""
        as_words = self.by_words(Query.parse(text, self._postcodes.outwards, apart=True), limit, borough)
        if not as_words.holding:
            return ranked
        return replace(as_words, rows=list(dict.fromkeys([*as_words.rows[: as_words.holding], *ranked.rows])))

    def _answer(self, ranked: Ranked, limit: int, *before: Found) -> Answer:
        """Makes the answer of ranked rows, after the results `before` them."""
        return Answer((*before, *self._shown(ranked.rows, limit - len(before))), *self._unlike(ranked))

    def _unlike(self, ranked: Ranked) -> tuple[tuple[str, ...], dict[str, str]]:
        """Returns the words that the first row lacks and those that it spells differently; without rows, the unknown words."""
        first, unmatched, corrected = ranked.first, [], {}
        for number, term in enumerate(ranked.terms.terms):
            if first is None:
                unmatched += [] if term.is_known else [term.typed.lower()]
            elif (code := first.code(number)) is None:
                unmatched += [] if ranked.is_held and number >= ranked.terms.finished else [term.typed.lower()]
            elif term.readings[code] < LEAST_AS_TYPED:
                corrected[term.typed.lower()] = self._finder.vocabulary.word(code).lower()
        return tuple(dict.fromkeys([*unmatched, *(word.lower() for word in ranked.set_aside)])), corrected

    def _at_postcode(self, query: Query, postcode: Postcode, limit: int, borough: str | None) -> Answer:
        finder, inside = self._finder, self._finder.in_borough(borough)
        if not query.words:
            rows = [row for row in finder.rows_at(postcode) if inside(row) and not finder.is_historical(row)]
            rows.sort(key=finder.is_shell)
            return Answer(self._shown(rows, limit) or tuple(self._empty_postcode(postcode, borough)))
        living = [held for held in finder.living_at(str(postcode)) if inside(held[0])]
        if not living and (found := self._empty_postcode(postcode, borough)):
            return self._answer(self.by_words(query.as_words, limit, borough), limit, *found)
        terms = finder.interpreter.terms(query.words, typing_words=query.typing_words)
        so_far = TypedSoFar(query, terms, finder, self._premises)
        hits = self._comparer.hits_of(terms, living, max(MOST_RANKED, limit))
        hits.sort(key=lambda hit: (not so_far.is_held(hit.comparison, hit.row), -hit.comparison.score, finder.is_shell(hit.row)))
        first = hits[0].comparison if hits else None
        here = Ranked([hit.row for hit in hits], terms, first, first is not None and so_far.is_held(first, hits[0].row), 0, query.set_aside)
        if first and first.matched >= GOOD_AT_POSTCODE * terms.weight:
            return self._answer(here, limit)
        elsewhere = self.by_words(query.as_words, limit, borough)
        rows = list(dict.fromkeys([*elsewhere.rows[: limit // 2], *here.rows, *elsewhere.rows]))
        return self._answer(replace(elsewhere if elsewhere.rows else here, rows=rows), limit)

    def _empty_postcode(self, postcode: Postcode, borough: str | None) -> list[Found]:
        """Returns the postcode itself as result, if it is live in the borough."""
        live = self._postcodes.postcode(postcode)
        return [_as_result(live)] if live and borough in (None, live.borough) else []

    def by_words(self, query: Query, limit: int, borough: str | None) -> Ranked:
        """Ranks streets and premises for a query without a whole postcode: at least `limit` rows, if that number fits."""
        finder = self._finder
        terms = finder.interpreter.terms(query.words, typing_words=query.typing_words)
        within = finder.within(query.partial, borough)
        streets, rows = self._named(query, terms, within, limit, borough)
        begun = any(word.unfinished for word in query.words)
        more: Within | None = within
        if len(rows) < (ENOUGH_BEGUN if begun else limit):
            is_narrow = any(len(begun.prefix) > len(begun.prefix.partition(" ")[0]) + 2 for begun in query.partial)
            most = MOST_HOLDING if is_narrow else max(MOST_CANDIDATES, limit)
            found = finder.candidates(terms, within, most)
            rows += found
            if len(found) < most and finder.finds_all(terms, query.typing):
                more = None
        return self._ranked(query, terms, (streets[:limit], self._there(rows, query.partial)), more, limit)

    def _named(self, query: Query, terms: Terms, within: Within, limit: int, borough: str | None) -> tuple[list[int], list[int]]:
        """Returns streets by name, and premises: buildings by name, then premises on the streets, or those with the query's number."""
        finder = self._finder
        names = [term for term in terms.terms if term.sort is Sort.WORD]
        if len(names) == len(terms.terms):
            streets = finder.streets_named(names, within, limit)
            rows = finder.buildings_named(names, query.partial, borough, limit)
            if len(streets) + len(rows) < limit:
                rows += [row for street in streets[:3] for row in finder.streets.rows(street - finder.index.first_street, limit)]
            return streets, rows
        if not any(word.unfinished for word in query.words):
            return finder.streets_named(names, within, limit), []
        streets = finder.streets_named(
            [term for term in names if term.token not in UNIT_WORDS or term is terms.terms[-1]], within, MOST_STREETS
        )
        rows = self._at_numbers(terms, streets, limit)
        return streets if len(rows) < limit else [], rows

    def _there(self, rows: Sequence[int], area: Sequence[PartialPostcode]) -> list[int]:
        """Returns the rows in the area that are not historical, each once."""
        return [row for row in dict.fromkeys(rows) if self._is_in(row, area) and not self._finder.is_historical(row)]

    def _at_numbers(self, terms: Terms, streets: Sequence[int], limit: int) -> list[int]:
        """Returns premises with a number of the query on the streets (`12 quil`, `flat 2 12 quil`): the last number that finds any."""
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

    def _ranked(self, query: Query, terms: Terms, named: tuple[list[int], list[int]], within: Within | None, limit: int) -> Ranked:
        """Ranks rows: those that match the whole text first, then by score; of equals streets, then premises, then shells.

        Searches for more rows `within` areas unless it is None. Drops rows without any name of the text, so a street that does not exist
        finds nothing.
        """
        finder = self._finder
        so_far = TypedSoFar(query, terms, finder, self._premises)
        streets, rows = named
        found = [(self._comparer.compare_street(terms, row), 0, row) for row in streets]
        found += [
            (hit.comparison, 1 + finder.is_shell(hit.row), hit.row) for hit in self._comparer.hits(terms, rows, max(MOST_RANKED, limit))
        ]
        held = {row for comparison, _, row in found if so_far.is_held(comparison, row)}
        if within is not None and len(held) < limit and query.typing and terms.finished:
            seen = {row for _, _, row in found}
            more = [row for row in self._there(so_far.rows(within, limit), query.partial) if row not in seen][: 2 * limit]
            found += [(hit.comparison, 1 + finder.is_shell(hit.row), hit.row) for hit in self._comparer.hits(terms, more)]
            held.update(row for comparison, _, row in found if row not in held and so_far.is_held(comparison, row))
        found.sort(key=lambda entry: (entry[2] not in held, -entry[0].score, entry[1]))
        if not held and (names := [number for number, term in enumerate(terms.terms) if _is_name(term)]):
            found = [entry for entry in found if any(entry[0].places[number] is not None for number in names)]
        first, is_held = (found[0][0], found[0][2] in held) if found else (None, False)
        return Ranked([row for _, _, row in found], terms, first, is_held, len(held), query.set_aside)

    def _shown(self, rows: Sequence[int], limit: int) -> tuple[Found, ...]:
        return tuple(self._show(row) for row in rows[:limit])

    def _show(self, row: int) -> Found:
        first = self._finder.index.first_street
        if row < first:
            return self._premises.found(row)
        streets, number = self._finder.streets, row - first
        latitude, longitude = streets.places[number].tolist()
        address = readable(", ".join(filter(None, (streets.names[number], streets.towns[number]))))
        return Found(ResultKind.STREET, address, "", streets.boroughs[number], longitude, latitude)


def _is_name(term: Term) -> bool:
    """Tells whether a term is the name of a street or building, and not a kind of either or a part."""
    return term.sort is Sort.WORD and term.token not in KINDS


def _as_result(live: LivePostcode) -> Found:
    return Found(ResultKind.POSTCODE, str(live.postcode), str(live.postcode), live.borough, live.lng, live.lat)
