"""Matches a written address with the records of one release."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from services.addresses.domain.geography.postcode import PartialPostcode, Postcode
from services.addresses.domain.search import match_model as fitted
from services.addresses.domain.search import neighbours
from services.addresses.domain.search.matching import (
    Decision,
    Match,
    Matching,
    Nearby,
    Nearness,
    Standing,
    Tokens,
    decide,
    features,
    probability,
    total_score,
)
from services.addresses.domain.search.query import Query
from services.addresses.domain.search.scoring import Missing, Terms
from services.addresses.domain.search.tokens import raw_tokens
from services.addresses.gazetteer.files.premises import PremisesFiles

from .candidates import Finder
from .comparer import Hit

MOST_COMPARED = 8
"""Limit of the rows to compare in each area."""
MOST_COMPARED_AT_POSTCODE = 5
"""The same at a postcode, where the rows with the greatest shared weight are known."""
FEWEST_WEIGHED = 2
"""Minimum of candidates with a probability: if the first is no match, the second is sometimes more probable."""
MOST_AT_POSTCODE = 400
SHELLS_KEPT = 10_000
LEAST = 0.3
"""Share of the query's weight that a candidate must contain."""
_FAR_AHEAD = 10.0
"""Lead of an only candidate."""
GOOD = 0.85
"""Share of the known words' weight: a candidate with this share and every known number ends the search for others."""


@dataclass(slots=True)
class Candidate:
    """A row with its probability and the evidence for it."""

    uprn: int
    hit: Hit
    near: Nearness
    score: float
    numbers: list[float]
    """The features of `domain.search.matching`."""
    confidence: float


Scored = tuple[float, Nearness, Hit]


class Matcher:
    """Matches written addresses with one release. Does not match historical records, except in `check`."""

    def __init__(self, finder: Finder, premises: PremisesFiles, outwards: frozenset[str]) -> None:
        self._finder, self._comparer, self._premises, self._outwards = finder, finder.comparer, premises, outwards
        self._in_full = lru_cache(SHELLS_KEPT)(self._surest)

    def match(self, text: str, postcode: str | None = None, limit: int = 5) -> Matching:
        """Returns at most `limit` candidates for a written address, the most probable first. Accepts any text.

        `postcode` takes precedence over a postcode in the text.
        """
        query = self._query(text, postcode)
        terms, scored = self._scored(query)
        weighed = self._weighed(terms, scored, limit)
        if limit < FEWEST_WEIGHED and weighed and decide(weighed[0].confidence) is not Decision.MATCH:
            weighed = self._weighed(terms, scored, FEWEST_WEIGHED)
        weighed.sort(key=lambda candidate: (-candidate.confidence, -candidate.score))
        if not weighed:
            return Matching(Decision.NONE)
        matches = [self._match(terms, candidate, query.set_aside) for candidate in weighed[:limit]]
        return Matching(decide(weighed[0].confidence), tuple(matches))

    def check(self, uprn: int, text: str, postcode: str | None = None) -> tuple[Decision, Match] | None:
        """Estimates the probability that a written address is that of a UPRN of any status; None if the UPRN is unknown.

        Gives the probability of `match` for the same candidate, which depends on its lead over the best other one.
        """
        row = self._premises.row(uprn)
        if row is None:
            return None
        query = self._query(text, postcode)
        terms, scored = self._scored(query)
        candidates = self._weighed(terms, scored, FEWEST_WEIGHED)
        own = next((candidate for candidate in candidates if candidate.uprn == uprn), None)
        if own is None:
            hit = self._comparer.hits(terms, [row])[0]
            near = Nearby(query.postcode, query.partial).nearness(self._premises.postcode_of(row))
            own = self._candidate(terms, self._with_score(hit, near), scored[0][0] if scored else None)
        if not terms.terms:
            own.confidence = 0.0
        return decide(own.confidence), self._match(terms, own, query.set_aside)

    def candidates(self, text: str, postcode: str | None = None) -> tuple[Terms, list[Candidate]]:
        """Returns the terms, and the best `FEWEST_WEIGHED` candidates with their features, best first."""
        terms, scored = self._scored(self._query(text, postcode))
        return terms, self._weighed(terms, scored, FEWEST_WEIGHED)

    def _scored(self, query: Query) -> tuple[Terms, list[Scored]]:
        """Returns the terms and all scored rows, the best first, equals in the order of rows."""
        terms, hits = self._hits(query)
        near, postcode_of, least = Nearby(query.postcode, query.partial).nearness, self._premises.postcode_of, LEAST * terms.weight
        likely = [hit for hit in hits if hit.comparison.matched >= least] if terms.terms else hits
        scored = [self._with_score(hit, near(postcode_of(hit.row))) for hit in likely]
        scored.sort(key=lambda entry: (-entry[0], entry[2].row))
        return terms, scored

    def _with_score(self, hit: Hit, near: Nearness) -> Scored:
        return total_score(hit.comparison, near, shell=self._finder.is_shell(hit.row)), near, hit

    def _hits(self, query: Query) -> tuple[Terms, list[Hit]]:
        finder = self._finder
        terms = finder.interpreter.terms(query.words)
        hits = self._at(query.postcode, terms)
        if not self._is_good(hits, terms):
            hits = self._widened(query, terms, hits)
            if not self._is_good(hits, terms):
                guessed = finder.interpreter.terms(query.words, correct_known_words=True)
                if any(len(guess.readings) > len(term.readings) for guess, term in zip(guessed.terms, terms.terms, strict=True)):
                    terms = guessed
                    hits = self._widened(query, terms, self._at(query.postcode, terms))
        return terms, hits if query.postcode else [*hits, *self._beside(terms, hits)]

    def _beside(self, terms: Terms, hits: Sequence[Hit]) -> list[Hit]:
        """Returns hits at the postcode of the best hit, so that it competes with the same candidates as if the query had the postcode."""
        if not hits:
            return []
        best = max(hits, key=lambda hit: hit.comparison.score)
        postcode, seen = self._premises.postcode_of(best.row), {hit.row for hit in hits}
        here = [held for held in self._finder.living_at(postcode)[:MOST_AT_POSTCODE] if held[0] not in seen] if postcode else []
        return self._comparer.hits_of(terms, here, MOST_COMPARED_AT_POSTCODE)

    def _query(self, text: str, postcode: str | None) -> Query:
        """Parses a written address. A separate postcode replaces the one in the text."""
        if not postcode or not postcode.strip():
            return Query.parse(text, self._outwards, finished=True)
        apart = Query.parse(postcode, self._outwards, finished=True)
        whole = Postcode.parse(postcode) or apart.postcode
        if not whole and not apart.partial:
            query = Query.parse(text, self._outwards, finished=True)
            return replace(query, set_aside=(*query.set_aside, *raw_tokens(postcode)))
        query = Query.parse(text, self._outwards, finished=True, apart=True)
        if query.postcode is None:
            return replace(query, postcode=whole, partial=() if whole else apart.partial)
        own = str(query.postcode)
        is_other = own != str(whole) if whole else not own.startswith(tuple(begun.prefix for begun in apart.partial))
        return replace(query, postcode=whole or query.postcode, set_aside=(*query.set_aside, own) if is_other else query.set_aside)

    def _at(self, postcode: Postcode | None, terms: Terms) -> list[Hit]:
        if postcode is None:
            return []
        return self._comparer.hits_of(terms, self._finder.living_at(str(postcode))[:MOST_AT_POSTCODE], MOST_COMPARED_AT_POSTCODE)

    def _widened(self, query: Query, terms: Terms, hits: list[Hit]) -> list[Hit]:
        """Adds candidates from the sector, the district, then anywhere, until one is good."""
        finder = self._finder
        areas: list[tuple[PartialPostcode, ...]] = [()]
        if query.postcode:
            areas = [(PartialPostcode(query.postcode.sector),), (PartialPostcode(f"{query.postcode.outward} "),), ()]
        elif query.partial:
            areas = [query.partial, ()]
        seen = {hit.row for hit in hits}
        for area in areas:
            rows = finder.candidates(terms, finder.within(area, None), MOST_COMPARED)
            fresh = [row for row in self._living(rows) if row not in seen]
            seen.update(fresh)
            found = self._comparer.hits(terms, fresh, MOST_COMPARED)
            hits = hits + found
            if self._is_good(found, terms):
                return hits
        fresh = [row for row in self._living(finder.relaxed(terms, MOST_COMPARED)) if row not in seen]
        return hits + self._comparer.hits(terms, fresh, MOST_COMPARED)

    def _living(self, rows: list[int]) -> list[int]:
        finder = self._finder
        return [row for row in rows if row < finder.index.first_street and not finder.is_historical(row)]

    def _is_good(self, hits: list[Hit], terms: Terms) -> bool:
        if not hits:
            return False
        best = max(hits, key=lambda hit: hit.comparison.score).comparison
        if best.matched < GOOD * terms.known_weight:
            return False
        missing = Missing.of(best, terms)
        return missing.numbers + missing.letters <= terms.unknown_numbers

    def _weighed(self, terms: Terms, scored: Sequence[Scored], most: int) -> list[Candidate]:
        """Makes candidates of scored rows, each with its lead over the best other one."""
        first = scored[0][0] if scored else None
        second = scored[1][0] if len(scored) > 1 else None
        return [self._candidate(terms, each, first if at else second) for at, each in enumerate(scored[:most])]

    def _candidate(self, terms: Terms, scored: Scored, other: float | None) -> Candidate:
        """Makes a candidate; `other` is the score of the best other one."""
        (score, near, hit), finder = scored, self._finder
        ahead = score - other if other is not None else _FAR_AHEAD
        extra, record_weight = self._comparer.extra_of(hit.comparison), self._comparer.record_weight(hit.comparison)
        extra_tokens = list(map(finder.vocabulary.word, extra.codes))
        numbers = features(hit.comparison, terms, Standing(near, ahead, finder.is_shell(hit.row), extra, extra_tokens, record_weight))
        is_neighbour = neighbours.is_another(Missing.of(hit.comparison, terms).tokens, extra_tokens)
        confidence = min(probability(numbers), neighbours.MOST_SURE) if is_neighbour else probability(numbers)
        if confidence > fitted.POSSIBLE_FROM and finder.is_shell(hit.row) and hit.comparison.holds_all and extra.codes:
            confidence = min(confidence, self._in_full(hit.row))
        return Candidate(int(self._premises.uprns[hit.row]), hit, near, score, numbers, confidence)

    def _surest(self, row: int) -> float:
        """Returns the probability of a shell for its own full address. It may be low, because its flats contain the same words."""
        terms, scored = self._scored(self._query(self._premises.found(row).address, None))
        candidates = self._weighed(terms, scored, FEWEST_WEIGHED)
        return next((candidate.confidence for candidate in candidates if candidate.hit.row == row), 1.0)

    def _match(self, terms: Terms, candidate: Candidate, set_aside: Sequence[str]) -> Match:
        found = self._premises.found(candidate.hit.row)
        compared, word = candidate.hit.comparison, self._finder.vocabulary.word
        matched, missing = [], []
        corrected: dict[str, str] = {}
        for number, term in enumerate(terms.terms):
            code = compared.code(number)
            if code is None:
                missing.append(term.typed.lower())
            elif term.readings[code] < 1:
                corrected[term.typed.lower()] = word(code).lower()
            else:
                matched.append(term.typed.lower())
        missing += [word.lower() for word in set_aside]
        tokens = Tokens(tuple(matched), corrected, tuple(missing))
        return Match(found.uprn or 0, found.address, round(candidate.confidence, 4), tokens, found.postcode)
