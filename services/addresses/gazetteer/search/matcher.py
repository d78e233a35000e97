"""Match an address as somebody wrote it with the records of one release."""

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
    decided,
    features,
    probability,
    total_score,
)
from services.addresses.domain.search.query import Query
from services.addresses.domain.search.scoring import Missing, Terms
from services.addresses.domain.search.tokens import raw_tokens
from services.addresses.gazetteer.files.premises import PremisesFiles

from .candidates import Finder, Hit

MOST_COMPARED = 8
"""Rows of each kind that are compared in full."""
MOST_COMPARED_AT_POSTCODE = 5
"""There those that share most with the query are known."""
FEWEST_WEIGHED = 2
"""Candidates that are given a probability, however few are wanted: where the first is no match a second one is now and then the surer."""
MOST_AT_POSTCODE = 400
SHELLS_KEPT = 10_000
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
    """Its features."""
    confidence: float


Scored = tuple[float, Nearness, Hit]


class Matcher:
    """Of one release. What no longer exists is not matched."""

    def __init__(self, finder: Finder, premises: PremisesFiles, outwards: frozenset[str]) -> None:
        self._finder, self._premises, self._outwards = finder, premises, outwards
        self._in_full = lru_cache(SHELLS_KEPT)(self._surest)

    def match(self, text: str, postcode: str | None = None, limit: int = 5) -> Matching:
        """Candidates for a written address, at most `limit`, the surest first. Any text is allowed.

        `postcode` is one that was written apart; without it one in the text is used.
        """
        query = self._query(text, postcode)
        terms, scored = self._scored(query)
        weighed = self._weighed(terms, scored, limit)
        if limit < FEWEST_WEIGHED and weighed and decided(weighed[0].confidence) is not Decision.MATCH:
            weighed = self._weighed(terms, scored, FEWEST_WEIGHED)
        weighed.sort(key=lambda candidate: (-candidate.confidence, -candidate.score))
        if not weighed:
            return Matching(Decision.NONE)
        matches = [self._match(terms, candidate, query.set_aside) for candidate in weighed[:limit]]
        return Matching(decided(weighed[0].confidence), tuple(matches))

    def check(self, uprn: int, text: str, postcode: str | None = None) -> tuple[Decision, Match] | None:
        """How sure it is that a written address is that of a UPRN, of whatever status; None where the UPRN is not held.

        The probability is the one that `match` gives the same candidate: it weighs how much better or worse the best other one is.
        """
        row = self._premises.row(uprn)
        if row is None:
            return None
        query = self._query(text, postcode)
        terms, scored = self._scored(query)
        candidates = self._weighed(terms, scored, FEWEST_WEIGHED)
        own = next((candidate for candidate in candidates if candidate.uprn == uprn), None)
        if own is None:
            hit = self._finder.hits(terms, [row])[0]
            near = Nearby(query.postcode, query.partial).nearness(self._premises.postcode_of(row))
            own = self._candidate(terms, self._with_score(hit, near), scored[0][0] if scored else None)
        if not terms.terms:
            own.confidence = 0.0
        return decided(own.confidence), self._match(terms, own, query.set_aside)

    def candidates(self, text: str, postcode: str | None = None) -> tuple[Terms, list[Candidate]]:
        """What the words mean, and the best `FEWEST_WEIGHED` candidates with their features, best first."""
        terms, scored = self._scored(self._query(text, postcode))
        return terms, self._weighed(terms, scored, FEWEST_WEIGHED)

    def _scored(self, query: Query) -> tuple[Terms, list[Scored]]:
        """What the words mean, and all candidates, the best first; equals in the order of their rows."""
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
        """What stands at the postcode of the best, which was not written: with the postcode the best would be weighed beside the same."""
        if not hits:
            return []
        best = max(hits, key=lambda hit: hit.comparison.score)
        postcode, seen = self._premises.postcode_of(best.row), {hit.row for hit in hits}
        here = [held for held in self._finder.living_at(postcode)[:MOST_AT_POSTCODE] if held[0] not in seen] if postcode else []
        return self._finder.hits_of(terms, here, MOST_COMPARED_AT_POSTCODE)

    def _query(self, text: str, postcode: str | None) -> Query:
        """The written address, with the postcode that was written apart from it in place of its own."""
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
        if best.matched < GOOD * terms.known_weight:
            return False
        missing = Missing.of(best, terms)
        return missing.numbers + missing.letters <= terms.unknown_numbers

    def _weighed(self, terms: Terms, scored: Sequence[Scored], most: int) -> list[Candidate]:
        """Each with its features beside the best other one."""
        first = scored[0][0] if scored else None
        second = scored[1][0] if len(scored) > 1 else None
        return [self._candidate(terms, each, first if at else second) for at, each in enumerate(scored[:most])]

    def _candidate(self, terms: Terms, scored: Scored, other: float | None) -> Candidate:
        """With its features; `other` is the score of the best other one."""
        (score, near, hit), finder = scored, self._finder
        ahead = score - other if other is not None else _FAR_AHEAD
        extra, record_weight = finder.extra_of(hit.comparison), finder.record_weight(hit.comparison)
        extra_tokens = list(map(finder.vocabulary.word, extra.codes))
        numbers = features(hit.comparison, terms, Standing(near, ahead, finder.is_shell(hit.row), extra, extra_tokens, record_weight))
        is_neighbour = neighbours.is_another(Missing.of(hit.comparison, terms).tokens, extra_tokens)
        confidence = min(probability(numbers), neighbours.MOST_SURE) if is_neighbour else probability(numbers)
        if confidence > fitted.POSSIBLE_FROM and finder.is_shell(hit.row) and hit.comparison.holds_all and extra.codes:
            confidence = min(confidence, self._in_full(hit.row))
        return Candidate(int(self._premises.uprns[hit.row]), hit, near, score, numbers, confidence)

    def _surest(self, row: int) -> float:
        """How sure it is of a shell whose address is written in full: beside its flats', which say the same and more, it may be little."""
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
