"""Match an address as somebody wrote it with the records of one release."""

from dataclasses import dataclass

from services.addresses.domain.comparing import Terms
from services.addresses.domain.matching import (
    Decision,
    Match,
    Matching,
    Nearness,
    Standing,
    Tokens,
    decided,
    features,
    nearness,
    probability,
    total_score,
)
from services.addresses.domain.postcode import PartialPostcode, Postcode
from services.addresses.domain.query import Query

from .finding import Finder, Hit
from .premises_files import PremisesFiles

MOST_COMPARED = 8
"""Rows of each kind that are compared in full."""
MOST_COMPARED_AT_POSTCODE = 5
"""There those that share most with the query are known."""
FEWEST_WEIGHED = 2
"""Candidates that are given a probability, however few are wanted: a second one is now and then the surer."""
MOST_AT_POSTCODE = 400
LEAST = 0.3
"""Share of the query's weight that a candidate must hold."""
_FAR_AHEAD = 10.0
"""Of a candidate that has no other beside it."""
GOOD = 0.85
"""Share of the weight of the words that any record holds: a candidate that holds so much, and every number, needs no other beside it."""


@dataclass(slots=True)
class Candidate:
    """A row with all that its probability comes from."""

    uprn: int
    hit: Hit
    near: Nearness
    score: float
    numbers: list[float]


class Matcher:
    """Of one release. What no longer exists is not matched."""

    def __init__(self, finder: Finder, premises: PremisesFiles, outwards: frozenset[str]) -> None:
        self._finder, self._premises, self._outwards = finder, premises, outwards

    def match(self, text: str, postcode: str | None = None, limit: int = 5) -> Matching:
        """Candidates for a written address, at most `limit`, the surest first. Any text is allowed.

        `postcode` is one that was written apart; without it one in the text is used.
        """
        terms, candidates = self.candidates(text, postcode, max(FEWEST_WEIGHED, limit))
        weighed = [(probability(candidate.numbers), candidate) for candidate in candidates]
        weighed.sort(key=lambda pair: (-pair[0], -pair[1].score))
        if not weighed:
            return Matching(Decision.NONE)
        matches = (self._match(terms, candidate, confidence) for confidence, candidate in weighed[:limit])
        return Matching(decided(weighed[0][0]), tuple(matches))

    def check(self, uprn: int, text: str, postcode: str | None = None) -> tuple[Decision, Match] | None:
        """How sure it is that a written address is that of a UPRN, of whatever status; None where the UPRN is not held.

        The probability is the one that `match` gives the same candidate: it weighs how much better or worse the best other one is.
        """
        row = self._premises.row(uprn)
        if row is None:
            return None
        query = self._query(text, postcode)
        terms, candidates = self._candidates(query, FEWEST_WEIGHED)
        own = next((candidate for candidate in candidates if candidate.uprn == uprn), None)
        if own is None:
            best = max((candidate.score for candidate in candidates), default=None)
            own = self._beside(query, terms, self._finder.hits(terms, [row])[0], best)
        confidence = probability(own.numbers) if terms.terms else 0.0
        return decided(confidence), self._match(terms, own, confidence)

    def candidates(self, text: str, postcode: str | None = None, most: int = FEWEST_WEIGHED) -> tuple[Terms, list[Candidate]]:
        """What the words mean, and the best candidates with their features, best first."""
        return self._candidates(self._query(text, postcode), most)

    def _candidates(self, query: Query, most: int) -> tuple[Terms, list[Candidate]]:
        finder = self._finder
        terms = finder.terms(query.words)
        hits = self._at(query.postcode, terms)
        if not self._is_good(hits, terms):
            hits = self._widened(query, terms, hits)
            if not self._is_good(hits, terms):
                guessed = finder.terms(query.words, second_guess=True)
                if any(len(guess.readings) > len(term.readings) for guess, term in zip(guessed.terms, terms.terms, strict=True)):
                    terms = guessed
                    hits = self._widened(query, terms, self._at(query.postcode, terms))
        return terms, self._weighed(query, terms, hits, most)

    def _query(self, text: str, postcode: str | None) -> Query:
        query = Query.parse(text, self._outwards, finished=True)
        if not postcode:
            return query
        if whole := Postcode.parse(postcode):
            return Query(query.words, whole)
        apart = Query.parse(postcode, self._outwards, finished=True)
        return Query(query.words, apart.postcode, apart.partial) if apart.postcode or apart.partial else query

    def _at(self, postcode: Postcode | None, terms: Terms) -> list[Hit]:
        if postcode is None:
            return []
        return self._finder.hits_of(terms, self._finder.living_at(str(postcode))[:MOST_AT_POSTCODE], MOST_COMPARED_AT_POSTCODE)

    def _widened(self, query: Query, terms: Terms, hits: list[Hit]) -> list[Hit]:
        """With candidates from the sector, the district, and anywhere, until there is a good one."""
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
            found = finder.hits(terms, fresh, MOST_COMPARED)
            hits = hits + found
            if self._is_good(found, terms):
                return hits
        fresh = [row for row in self._living(finder.relaxed(terms, MOST_COMPARED)) if row not in seen]
        return hits + finder.hits(terms, fresh, MOST_COMPARED)

    def _living(self, rows: list[int]) -> list[int]:
        finder = self._finder
        return [row for row in rows if row < finder.index.first_street and not finder.is_historical(row)]

    def _is_good(self, hits: list[Hit], terms: Terms) -> bool:
        if not hits:
            return False
        best = max(hits, key=lambda hit: hit.comparison.score).comparison
        return best.matched >= GOOD * terms.known_weight and best.missing_numbers + best.missing_letters <= terms.unknown_numbers

    def _weighed(self, query: Query, terms: Terms, hits: list[Hit], most: int) -> list[Candidate]:
        scored: list[tuple[float, Nearness, Hit]] = []
        for hit in hits:
            if terms.terms and hit.comparison.matched < LEAST * terms.weight:
                continue
            scored.append(self._scored(query, hit))
        scored.sort(key=lambda entry: (-entry[0], entry[2].row))
        found = []
        for at, (score, near, hit) in enumerate(scored[:most]):
            other = scored[1 if at == 0 else 0][0] if len(scored) > 1 else None
            found.append(self._candidate(terms, hit, near, score, other))
        return found

    def _beside(self, query: Query, terms: Terms, hit: Hit, best: float | None) -> Candidate:
        """A row that is not among the best, with its features beside the best of them."""
        score, near, _ = self._scored(query, hit)
        return self._candidate(terms, hit, near, score, best)

    def _scored(self, query: Query, hit: Hit) -> tuple[float, Nearness, Hit]:
        near = nearness(self._premises.postcode_of(hit.row), query.postcode, query.partial)
        return total_score(hit.comparison, near, shell=self._finder.is_shell(hit.row)), near, hit

    def _candidate(self, terms: Terms, hit: Hit, near: Nearness, score: float, other: float | None) -> Candidate:
        """With its features; `other` is the score of the best other one."""
        ahead = score - other if other is not None else _FAR_AHEAD
        besides = [self._finder.vocabulary.word(code) for code in hit.comparison.extra_codes]
        standing = Standing(near, ahead, self._finder.is_shell(hit.row), besides)
        return Candidate(int(self._premises.uprns[hit.row]), hit, near, score, features(hit.comparison, terms, standing))

    def _match(self, terms: Terms, candidate: Candidate, confidence: float) -> Match:
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
        tokens = Tokens(tuple(matched), corrected, tuple(missing))
        return Match(found.uprn or 0, found.address, round(confidence, 4), tokens, found.postcode)
