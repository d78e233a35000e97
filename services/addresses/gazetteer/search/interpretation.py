"""Interprets the words of a query: finds the tokens that each may mean in the vocabulary of a release."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain, groupby

from services.addresses.domain.search.query import POST_TOWN, Word
from services.addresses.domain.search.scoring import Sort, Term, Terms, sort_of
from services.addresses.domain.search.tokens import FLOOR_NAMES, as_letters, begun_in_full, normal
from services.addresses.gazetteer.files.index_schema import FIRST_TOKEN

from .index import Index
from .weights import Weights

WORDS_KEPT_READ = 20_000
"""Words in the cache: a match job asks for the same words many times."""
COMMON = 1_000
"""A word in one of 1,000 records is a kind of street or building, and may be the second half of a joined word."""
MOST_BEGUN = 32
"""Limit of the completions of an incomplete word."""
CREDIT_BY_ERRORS = (1.0, 0.8, 0.6, 0.45)
MOST_ERRORS = 3
BEGUN_CREDIT = 0.9


class Interpreter:
    """Interprets words by one release's vocabulary: as written, completed, corrected, joined or split."""

    def __init__(self, index: Index, weights: Weights) -> None:
        self.vocabulary = index.vocabulary
        self._first_street, self._weights = index.first_street, weights
        self._begun = lru_cache(5_000)(self._codes_begun)
        self._readings = lru_cache(WORDS_KEPT_READ)(self._read)
        self.codes_begun = lru_cache(500)(self._all_codes_begun)
        """Returns the codes of all words and numbers with a prefix, and of full forms of abbreviations with it (`1S`: FIRST)."""
        self._floors = tuple(filter(None, map(self.vocabulary.code, sorted(FLOOR_NAMES))))

    def terms(self, words: Sequence[Word], *, correct_known_words: bool = False, typing_words: int = 0) -> Terms:
        """Interprets words. `correct_known_words` also gives known words the readings of similar words.

        The last `typing_words` words may be incomplete.
        """
        end = len(words) - typing_words
        finished = self._meant(words[:end], correct_known_words=correct_known_words, are_first=True)
        if not typing_words:
            return Terms(finished, floors=self._floors)
        typing = self._meant(words[end:], correct_known_words=correct_known_words, are_first=not finished)
        return Terms([*finished, *typing], finished=len(finished), floors=self._floors)

    def _meant(self, words: Sequence[Word], *, correct_known_words: bool, are_first: bool) -> list[Term]:
        terms: list[Term] = []
        for word in self._joined(list(self._in_letters(words))):
            read = self._readings(word, correct_known_words)
            nearest = max(read[0].readings.values(), default=0.0)
            least = 0.0 if word.unfinished else CREDIT_BY_ERRORS[2]  # the town is one error away, so it beats a word two errors away
            if nearest > least or (are_first and not terms) or not word.is_like_the_town:
                terms += read
        return terms

    def _in_letters(self, words: Sequence[Word]) -> Iterator[Word]:
        """Reads digits in an unknown word as the letters that they resemble: `H1GH`, `0AK`."""
        for typed, group in groupby(words, key=lambda word: word.typed):
            run = list(group)
            is_mixed = not (typed.isalpha() or typed.isdigit() or run[-1].unfinished)
            whole = self._in_letters_alone(typed) if is_mixed and not all(self.vocabulary.code(word.text) for word in run) else None
            yield from [Word(whole, typed)] if whole else run

    def _in_letters_alone(self, typed: str) -> str | None:
        """Returns the word of letters that a run with digits may be: a known word, else one that is near to a known word."""
        readings = as_letters(typed)
        exact = (word for word in readings if word == POST_TOWN or self.vocabulary.code(word))
        near = (word for word in readings if self.vocabulary.corrections(word, 1))
        return next(chain(exact, near), None)

    def _joined(self, words: Sequence[Word]) -> Iterator[Word]:
        """Joins two words if only their whole is known: `QUILL FEN`."""
        at, code = 0, self.vocabulary.code
        while at < len(words):
            word = words[at]
            following = words[at + 1] if at + 1 < len(words) else None
            if (
                following
                and not following.unfinished
                and word.text.isalpha()
                and following.text.isalpha()
                and not (code(word.text) and code(following.text))
            ):
                whole = word.text + following.text
                if len(whole) > 4 and code(whole):
                    yield Word(whole, f"{word.typed} {following.typed}")
                    at += 2
                    continue
            yield word
            at += 1

    def _read(self, word: Word, correct_known_words: bool) -> tuple[Term, ...]:
        vocabulary = self.vocabulary
        readings: dict[str, float] = {}
        is_in_letters = not word.typed.isalpha() and word.text.isalpha() and len(word.text) == len(word.typed)
        if code := vocabulary.code(word.text):
            readings[code] = CREDIT_BY_ERRORS[is_in_letters]
        if word.unfinished:
            for begun in self._begun(word.typed):  # after the word itself, because index queries take the first readings
                readings.setdefault(begun, BEGUN_CREDIT)
        if (not readings or correct_known_words) and word.text.isalpha():
            if not readings and (parts := self._split(word.text)):
                return tuple([self._term(part, part, Sort.WORD, {vocabulary.code(part) or "": 1.0}) for part in parts])
            for other, errors in vocabulary.corrections(word.text, 1 if readings else MOST_ERRORS):
                readings.setdefault(vocabulary.code(other) or "", CREDIT_BY_ERRORS[errors])
        sort = Sort.WORD if word.unfinished else sort_of(word.text)
        typed = word.typed if word.typed.isalpha() or is_in_letters else word.text
        return (self._term(typed, word.text, sort, readings, ends_range=word.ends_range),)

    def _term(self, typed: str, token: str, sort: Sort, readings: Mapping[str, float], *, ends_range: bool = False) -> Term:
        document_frequency = self.vocabulary.document_frequency
        weight = max([self._weights[code] for code in readings], default=self._weights.of(token))
        record_tokens = sum([document_frequency[ord(code) - FIRST_TOKEN] for code in readings])
        return Term(typed, token, sort, weight, readings, record_tokens, ends_range)

    def _codes_begun(self, prefix: str) -> tuple[str, ...]:
        """Returns the codes of words with a prefix, the most frequent first."""
        words = dict.fromkeys((*self.vocabulary.beginning_with(prefix, MOST_BEGUN), *sorted(begun_in_full(prefix))))
        return tuple(filter(None, map(self.vocabulary.code, words)))

    def _all_codes_begun(self, run: str) -> frozenset[str]:
        words = self.vocabulary.numbers_beginning_with(run) if run.isdigit() else self.vocabulary.all_beginning_with(run)
        return frozenset(filter(None, map(self.vocabulary.code, chain(words, begun_in_full(run)))))

    def _split(self, text: str) -> tuple[str, ...] | None:
        """Splits a joined word if no known word resembles it: `QUILLFENSTREET`, `STREETLONDON`."""
        vocabulary = self.vocabulary
        if len(text) < 7 or vocabulary.corrections(text, 1):
            return None
        if text.endswith(POST_TOWN) and vocabulary.frequency(before := text.removesuffix(POST_TOWN)):
            return (before,)
        halves = [(text[:cut], text[cut:]) for cut in range(3, len(text) - 2)]
        known = [pair for pair in halves if vocabulary.frequency(pair[0]) and vocabulary.frequency(pair[1])]
        if known:
            return max(known, key=lambda pair: min(len(pair[0]), len(pair[1])))
        common = self._first_street // COMMON
        for first, written in halves:  # a name, perhaps misspelt, and the kind of a street or building: `QUILFENSTREET`, `SECONDFLR`
            second = normal(written)[-1]
            if vocabulary.frequency(second) > common and vocabulary.frequency(first):
                return first, second
            if vocabulary.frequency(second) > common and (near := vocabulary.corrections(first, 1)):
                return near[0][0], second
        return None
