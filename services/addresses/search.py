"""One call that finds an address while it is typed: a postcode, the beginning of one, parts of an address, or both."""

from collections.abc import Iterator

from services.addresses.adapters.gazetteer import Found, Gazetteer, LivePostcode
from services.addresses.domain.postcode import Postcode
from services.addresses.domain.premises import Delivery, Kind
from services.addresses.domain.query import Query, Word
from services.addresses.domain.ranking import ranked

MOST_CANDIDATES = 60
"""How many are ranked (more where more are asked for); queries that more than these answer are too vague for ranking to matter."""


def search(gazetteer: Gazetteer, text: str, *, limit: int, borough: str | None = None) -> list[Found]:
    """Best first, at most `limit`; nothing where nothing fits. Any text is allowed.

    A whole postcode gives what stands there, narrowed by the other words, or the postcode itself where no premises are held. The
    beginning of a postcode alone gives postcodes. Words that no address holds are set aside.
    """
    query = Query.parse(text, gazetteer.outwards)
    if query.is_empty:
        return []
    if query.postcode:
        return _at_postcode(gazetteer, query.postcode, query.words, borough)[:limit]
    if query.partial and not query.words:
        return _postcodes(gazetteer, query, borough, limit)
    return ranked(query.words, _holding(gazetteer, query, borough, limit))[:limit]


def _at_postcode(gazetteer: Gazetteer, postcode: Postcode, words: tuple[Word, ...], borough: str | None) -> list[Found]:
    there = [found for found in gazetteer.at(postcode) if borough in (None, found.borough)]
    if there:
        return ranked(words, there)
    live = gazetteer.postcode(postcode)
    return [_as_result(live)] if live and borough in (None, live.borough) else []


def _postcodes(gazetteer: Gazetteer, query: Query, borough: str | None, limit: int) -> list[Found]:
    found = [live for begun in query.partial for live in gazetteer.beginning_with(begun, borough, limit)]
    return [_as_result(live) for live in dict.fromkeys(found)][:limit]


def _as_result(live: LivePostcode) -> Found:
    return Found(Kind.POSTCODE, Delivery(postcode=str(live.postcode)), live.borough, live.lng, live.lat, location=live.location)


def _holding(gazetteer: Gazetteer, query: Query, borough: str | None, limit: int) -> list[Found]:
    """Candidates for the words, the strictest reading that finds any: all words; those that exist; without numbers; the rarest alone."""
    tried: set[tuple[Word, ...]] = set()
    for words in _readings(gazetteer, query.words):
        if words and words not in tried:
            tried.add(words)
            if found := gazetteer.holding(words, query.partial, borough, max(MOST_CANDIDATES, limit)):
                return found
    return []


def _readings(gazetteer: Gazetteer, words: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    yield words
    frequency = {word: gazetteer.how_many_hold(word) for word in words}
    known = tuple(word for word in words if frequency[word] or word.unfinished)
    yield known
    yield tuple(word for word in known if frequency[word])
    names = tuple(word for word in known if frequency[word] and not word.text[0].isdigit())
    yield names
    yield tuple(sorted(names, key=lambda word: frequency[word])[:1])
