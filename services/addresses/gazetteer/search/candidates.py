"""Candidates: records that the index gives for the terms of a query, compared with it.

The index is asked for little at a time: rare words are demanded, and what only common words answer (`flat 1`) is looked for in a sample.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from operator import attrgetter
from pathlib import Path

from services.addresses.domain.geography.postcode import PartialPostcode
from services.addresses.domain.search.query import POST_TOWN
from services.addresses.domain.search.scoring import Comparison, Extra, Sort, Term, Terms, compare
from services.addresses.domain.search.tokens import tokens
from services.addresses.gazetteer.files.name_lists import LONGEST, LONGEST_NARROWED, WordLists
from services.addresses.gazetteer.files.premises import PremisesFiles
from services.addresses.gazetteer.files.streets import Streets

from .index import Index
from .index import Query as Asked
from .interpretation import COMMON, Interpreter
from .weights import Penalties, Sorts, Weights

VAGUE = 30_000
"""Records: what no rarer word of a query is in is looked for in the sample first."""
VAGUE_ALONE = 6_000
"""The same of a single word, and of numbers without a word: the sample holds enough of what so many hold."""
VAGUE_ORDERED = 10_000
"""Records: so many at most are put in the order of how much else they hold."""
MOST_TELLING = 6
"""Words by which they are."""
MOST_DEMANDED = 8
"""Words that a row must hold all of."""
MOST_BARE_NUMBERS = 3
"""Numbers and letters without a word: more are looked for in the sample alone, because to walk along so many lists takes long."""
MOST_JOINED_EVERYDAY = 4
"""An everyday word that may be more than so many is never demanded of the index, which would merge lists of millions."""
MOST_CANDIDATES = 24
"""Rows that are compared; a query that more answer equally is too vague for an order to matter."""
EVERYDAY = 40
"""A word that one in so many records holds is demanded only where the others find too many: most of a query's time goes into its list."""
MOST_LOOKED_THROUGH = 100
"""Rows that hold the other words and are looked through for the everyday ones."""
MOST_ASKED = 24
"""Words that the index is asked for at most in place of one; those that most records hold come first."""
POSTCODES_KEPT_READ = 2_000
"""A file of addresses to be matched asks for the same postcodes many times; each takes some 5 kB."""
FLAT_BONUS = 2_000_000
"""Millionths of a weight, for the very flat that was written: its block may have the same number."""
FEW_SOUGHT = 12
"""Codes: so many are looked for in a row's tokens one by one, more as a set."""
MOST_HOLDING = 200
"""Rows that hold the finished words and are looked through for the one that is being typed."""


Within = tuple[tuple[str, ...], ...]
"""Choices of tokens of areas: of each, a row holds one."""
RowTokens = tuple[int, str]
"""A row and its tokens."""


@dataclass(slots=True)
class Hit:
    """A row that was compared with the query."""

    row: int
    comparison: Comparison


_document_frequency = attrgetter("document_frequency")


class Finder:
    """The open index and premises of one release."""

    def __init__(self, folder: Path, premises: PremisesFiles, outwards: Collection[str]) -> None:
        self.outwards = outwards
        """Every outward code that has a live postcode."""
        self.index = Index(folder)
        self.streets = Streets(folder)
        self._buildings = WordLists(folder, "buildings_by_word")
        self.vocabulary = self.index.vocabulary
        self._premises = premises
        self._weights, self._sorts = Weights(self.index), Sorts(self.index)
        self.interpreter = Interpreter(self.index, self._weights)
        self._penalties = Penalties(self._weights, self._sorts)
        self._any_of = lru_cache(2_000)(self._any_of_codes)
        self._named = lru_cache(5_000)(self._streets_named)
        self.living_at = lru_cache(POSTCODES_KEPT_READ)(self._living_at)
        """Rows at a postcode (`NW1 1AA`) that are not historical, in the order of their addresses, with their tokens."""
        self._codes_of_street = lru_cache(20_000)(self._street_codes)
        self.begins_outward = lru_cache(500)(self._begins_outward)
        """Whether an outward code begins so."""
        self._begun_words = lru_cache(500)(self._begun_words_of)

    # ------------------------------------------------------------ candidates

    def within(self, area: Sequence[PartialPostcode], borough: str | None) -> Within:
        """What every row must hold one of each of, to be in one of the areas and in the borough."""
        within: list[tuple[str, ...]] = [(borough,)] if borough else []
        if area:
            within.append(tuple(token for begun in area for token in self._area_tokens(begun)))
        return tuple(within)

    def _narrowed(self, within: Within) -> list[Asked]:
        return [self.index.any_of("area", areas or ("-",)) for areas in within]

    def _area_tokens(self, begun: PartialPostcode) -> Iterator[str]:
        """The narrowest token that the beginning implies: a sector, a district, or every district that begins so."""
        outward, space, inward = begun.prefix.partition(" ")
        if inward:
            yield f"{outward}_{inward[0]}"
        elif space:
            yield outward
        else:
            yield from (word for word in self.outwards if word.startswith(outward))

    def candidates(self, terms: Terms, within: Within, most: int) -> list[int]:
        """Rows for the words, by the strictest reading that finds any: all that are known; without numbers; the rarest names alone."""
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
            should = [asked[id(term)] for term in self._telling(known) if term not in must]
            if rows := self.index.rows([*narrowed, *(asked[id(term)] for term in must)], should, most=most):
                return rows
        return []

    def finds_all(self, terms: Terms, typing: str) -> bool:
        """Whether `candidates` gives every row that holds the finished terms and one begun as `typing`, where it finds fewer than asked."""
        known = [term for term in terms.terms if term.is_known]
        if len(known) < len(terms.terms) or not known or not typing.isalpha() or POST_TOWN.startswith(typing):
            return False
        last = known[-1]
        is_vague = min(map(_document_frequency, known)) > VAGUE_ALONE or any(
            self._is_everyday(term) for term in known if len(term.readings) > 1
        )
        return (
            not is_vague
            and self.interpreter.codes_begun(typing) <= set(tuple(last.readings)[:MOST_ASKED])
            and not self.begins_outward(typing)
        )

    def relaxed(self, terms: Terms, most: int) -> list[int]:
        """Rows that hold a rare name and all the numbers; then those that hold a rare name and most of the rest."""
        known = [term for term in terms.terms if term.is_known]
        asked = {id(term): self._asked("words", term) for term in known}
        numbers = [asked[id(term)] for term in known if term.sort is Sort.NUMBER]
        names = sorted(
            (term for term in known if term.sort is Sort.WORD and term.document_frequency <= VAGUE_ORDERED), key=lambda term: -term.weight
        )
        rows: list[int] = []
        for name in names[:3]:
            others = [asked[id(term)] for term in self._telling(known) if term is not name]
            if numbers:
                rows += self.index.rows([asked[id(name)], *numbers], others, most=most)
            rows += self.index.rows([asked[id(name)]], others, most=most)
        return list(dict.fromkeys(rows))

    def _holding_all(self, known: Sequence[Term], narrowed: Sequence[Asked], most: int) -> list[int]:
        """Of more words than `MOST_DEMANDED` the rarest."""
        if len(known) > MOST_DEMANDED:
            known = sorted(known, key=_document_frequency)[:MOST_DEMANDED]
        is_bare = not any(term.sort is Sort.WORD for term in known)
        if min([term.document_frequency for term in known]) > (VAGUE_ALONE if is_bare or len(known) == 1 else VAGUE):
            rows = self.index.rows([*narrowed, *(self._asked("few", term) for term in known)], most=most)
            if len(rows) >= most // 4 or (is_bare and len(known) > MOST_BARE_NUMBERS):
                return rows
        everyday = [term for term in known if self._is_everyday(term)]
        if 0 < len(everyday) < len(known):
            asked = [self._asked("words", term) for term in known if term not in everyday]
            rows = self.index.rows([*narrowed, *asked], most=max(most, MOST_LOOKED_THROUGH))
            holding = list(islice(self._holding(rows, everyday), most))
            is_begun = any(len(term.readings) > MOST_JOINED_EVERYDAY for term in everyday)
            if len(holding) == most or len(rows) < MOST_LOOKED_THROUGH or is_begun:
                return holding or rows[:most]
        return self.index.rows([*narrowed, *(self._asked("words", term) for term in known)], most=most)

    def _holding(self, rows: Sequence[int], terms: Sequence[Term]) -> Iterator[int]:
        """Those of the rows that hold all the terms."""
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
        """Rows that hold every finished term: all of them, if they are fewer than `MOST_HOLDING`."""
        finished = [term for term in terms.terms[: terms.finished] if term.is_known]
        if not finished or len(finished) < terms.finished:
            return []
        return self._holding_all(finished, self._narrowed(within), MOST_HOLDING)

    def holding_begun(self, terms: Terms, codes: frozenset[str], within: Within, most: int) -> list[int]:
        """Rows that hold every finished term and a word of one of the codes."""
        finished = sorted((term for term in terms.terms[: terms.finished] if term.is_known), key=_document_frequency)[:MOST_DEMANDED]
        return self.index.rows(
            [*self._narrowed(within), *(self._asked("words", term) for term in finished), self._begun_words(codes)], most=most
        )

    def _begins_outward(self, run: str) -> bool:
        return any(outward.startswith(run) for outward in self.outwards)

    def _begun_words_of(self, codes: frozenset[str]) -> Asked:
        return self._any_of_codes("words", tuple(sorted(codes)))

    def _is_everyday(self, term: Term) -> bool:
        return term.sort is Sort.WORD and term.document_frequency * EVERYDAY > self.index.first_street

    def _telling(self, known: Sequence[Term]) -> list[Term]:
        """By what candidates are worth ordering: not by the kinds of streets and buildings, and of much else by the rarest."""
        telling = [term for term in known if term.sort is not Sort.WORD or term.document_frequency * COMMON <= self.index.first_street]
        return sorted(telling, key=_document_frequency)[:MOST_TELLING]

    # ------------------------------------------------------------ by name

    def streets_named(self, terms: Sequence[Term], within: Within, most: int) -> list[int]:
        """Rows of streets whose names hold all the words: as they were typed, then as they may be meant, the largest first."""
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
        """Rows of whole buildings whose names hold all the words."""
        if not terms or not all(term.is_known for term in terms):
            return []
        longest = LONGEST_NARROWED if area or borough else LONGEST
        rows = self._buildings.of_all([self._words(term) for term in terms], longest)
        return self._premises.inside(rows, area, borough)[:most].tolist()  # type: ignore[no-any-return]

    def _words(self, term: Term, least: float = 0.0) -> tuple[str, ...]:
        """What a term may mean, as far as it is worth so much."""
        return tuple([self.vocabulary.word(code) for code, credit in term.readings.items() if credit >= least])

    # ------------------------------------------------------------ comparing

    def hits(self, terms: Terms, rows: Sequence[int], most: int | None = None) -> list[Hit]:
        """The rows compared, best first; equals in the order given. Of many rows only those that share most with the query are compared."""
        record_tokens = self.index.record_tokens
        return self.hits_of(terms, [(row, record_tokens(row)) for row in rows], most)

    def hits_of(self, terms: Terms, rows_tokens: Sequence[RowTokens], most: int | None = None) -> list[Hit]:
        """The same of rows that come with their tokens."""
        if most is not None and len(rows_tokens) > most:
            rows_tokens = self._likeliest(terms, rows_tokens, most)
        penalties, sorts = self._penalties, self._sorts
        compared = [Hit(row, compare(terms, record_tokens, penalties, sorts)) for row, record_tokens in rows_tokens]
        compared.sort(key=lambda hit: -hit.comparison.score)
        return compared

    def _likeliest(self, terms: Terms, rows_tokens: Sequence[RowTokens], most: int) -> Sequence[RowTokens]:
        """Those that share most with the query."""
        worth = {code: int(1e6 * worth) for code, (_, worth) in terms.at.items()}  # whole: sums have no order
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
        """What an address holds besides the query."""
        return Extra.of(compared, self._weights, self._sorts)

    def record_weight(self, compared: Comparison) -> float:
        """The weight of all that an address holds."""
        return sum(map(self._weights.__getitem__, compared.record_tokens))

    def compare_street(self, terms: Terms, row: int) -> Comparison:
        """A street's name beside the query."""
        return compare(terms, self._codes_of_street(row - self.index.first_street), self._penalties, self._sorts)

    def _street_codes(self, street: int) -> str:
        return "".join(filter(None, map(self.vocabulary.code, tokens(self.streets.names[street]))))

    def _living_at(self, postcode: str) -> tuple[RowTokens, ...]:
        rows = self._premises.at_postcode(postcode, PartialPostcode(postcode).after).tolist()
        return tuple([(row, self.index.record_tokens(row)) for row in rows if not self.is_historical(row)])

    def is_historical(self, row: int) -> bool:
        """Whether the row's BLPU no longer exists."""
        return self._premises.is_historical(row)

    def is_shell(self, row: int) -> bool:
        """Whether the row is a parent shell."""
        return self._premises.is_shell(row)

    def in_borough(self, borough: str | None) -> Callable[[int], bool]:
        """Whether a row is in the borough; all are, where None."""
        codes = self._premises.borough_codes
        if borough is None:
            return lambda _: True
        number = codes.index(borough) if borough in codes else -1
        return lambda row: int(self._premises.boroughs[row]) == number
