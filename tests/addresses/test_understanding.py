"""Typed text becomes queries and tokens, and scores order candidates."""

import pytest

from services.addresses.domain.geography.national_grid import to_lng_lat
from services.addresses.domain.geography.postcode import Postcode
from services.addresses.domain.search.query import Query, Word
from services.addresses.domain.search.scoring import VARIANT, Sort, Term, Terms, compare, penalty, sort_of
from services.addresses.domain.search.spelling import Spellings, distance, most_errors
from services.addresses.domain.search.title_case import readable
from services.addresses.domain.search.tokens import MOST_TOKENS, tokens

OUTWARDS = frozenset({"NW1", "NW10", "NW11", "NW1W", "E8", "EC1A", "N1"})


@pytest.mark.parametrize("text", ["NW1 1AA", "nw11aa", " nw1  1aa ", "Nw1\t1Aa"])
def test_a_postcode_is_read_in_any_case_and_spacing(text):
    assert str(Postcode.parse(text)) == "NW1 1AA"


@pytest.mark.parametrize("text", ["", "NW1", "NW1 1A", "NW1 1AAA", "1AA NW1", "NW1-1AA", "٣W1 1AA", "NW1 ١AA", "NW1 1A\x00"])
def test_a_text_that_is_no_whole_postcode_is_not_parsed(text):
    assert Postcode.parse(text) is None


@pytest.mark.parametrize(
    ("typed", "prefixes"),
    [
        ("nw1", {"NW1"}),
        ("nw11", {"NW11", "NW1 1"}),
        ("nw1 1", {"NW1 1"}),
        ("nw11a", {"NW1 1A"}),
        ("nw1 1a", {"NW1 1A"}),
        ("foo street nw1", {"NW1"}),
        ("nw1 foo", {"NW1 "}),
        ("zz9", set()),
        ("nw", set()),
    ],
)
def test_a_partial_postcode_is_distinguished_from_words(typed, prefixes):
    assert {begun.prefix for begun in Query.parse(typed, OUTWARDS).partial} == prefixes


def test_a_postcode_is_found_among_the_parts_of_an_address():
    query = Query.parse("Flat 2, 14 Quillf St, London NW11AA", OUTWARDS)
    assert query.postcode == Postcode("NW1", "1AA")
    assert [word.text for word in query.words] == ["FLAT", "2", "14", "QUILLF", "STREET"]
    assert not any(word.unfinished for word in query.words)


def test_only_the_word_being_typed_is_unfinished():
    assert Query.parse("14 quil", OUTWARDS).words == (Word("14", "14"), Word("QUIL", "QUIL", unfinished=True))
    assert Query.parse("nw1 14 quil", OUTWARDS).words == (Word("14", "14"), Word("QUIL", "QUIL", unfinished=True))


def test_a_whole_address_has_nothing_unfinished_and_its_postcode_is_corrected():
    query = Query.parse("14 quil st E8 lAB", OUTWARDS, finished=True)
    assert str(query.postcode) == "E8 1AB"
    assert [(word.text, word.unfinished) for word in query.words] == [("14", False), ("QUIL", False), ("STREET", False)]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("14 London Road, London", ["14", "LONDON", "ROAD"]),
        ("14 High St London Borough of Hackney", ["14", "HIGH", "STREET", "HACKNEY"]),
        ("Flat 007", ["FLAT", "7"]),
    ],
)
def test_a_query_omits_the_town_but_not_a_street_of_its_name(typed, words):
    assert [word.text for word in Query.parse(typed, OUTWARDS, finished=True).words] == words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Café St. John’s–Wood 12a\x00\U0001f600", ["CAFE", "STREET", "JOHNS", "WOOD", "12", "A"]),
        ("179A High St", ["179", "A", "HIGH", "STREET"]),
        ("FLAT 6-20", ["FLAT", "6", "20"]),
        ("GFF, 1st Flr", ["GROUND", "FLOOR", "FLAT", "FIRST", "FLOOR"]),
        ("F12 Apt 3", ["FLAT", "12", "FLAT", "3"]),
        ("Foo Court2-16 12Bar", ["FOO", "COURT", "2", "16", "12", "BAR"]),
        ("Food & Wine", ["FOOD", "AND", "WINE"]),
    ],
)
def test_text_becomes_plain_tokens(text, expected):
    assert tokens(text) == expected


def test_a_query_is_bounded():
    assert len(Query.parse("a " * 10_000, OUTWARDS).words) <= MOST_TOKENS


@pytest.mark.parametrize(
    ("one", "two", "apart"),
    [
        ("QUILLFEN", "QUILLFEN", 0),
        ("QUILFEN", "QUILLFEN", 1),
        ("QUILLFNE", "QUILLFEN", 1),
        ("QIULLFNE", "QUILLFEN", 2),
        ("KITTEN", "SITTING", 3),
        ("A", "B", 1),
    ],
)
def test_distance_counts_letters_wrong(one, two, apart):
    assert distance(one, two, 3) == distance(two, one, 3) == apart
    assert distance(one, two, 0) == min(apart, 1)


_NAMES = [
    "QUILLFEN",
    "QUILFEN",
    "QUILLFENS",
    "FENQUILL",
    "BALLOON",
    "BALOON",
    "SALOON",
    "OAK",
    "OAKS",
    "OAKSHOTT",
    "ST",
    "ANN",
    "ANNE",
    "HANNAH",
    "4A",
    "É",
]


@pytest.mark.parametrize(
    "word", ["QUILLFEN", "QILLFEN", "QUILLFNE", "QUILFENS", "BALLON", "SALLOON", "ANNES", "OAKSHOT", "HANAH", "A" * 300]
)
@pytest.mark.parametrize("errors", [1, 2])
def test_the_nearest_words_equal_those_of_a_full_scan(word, errors):
    apart = {name: distance(word, name, 3) for name in _NAMES if name.isascii() and name.isalpha() and name != word}
    fewest = min(apart.values())
    wanted = {(name, fewest) for name, far in apart.items() if far == fewest <= min(errors, most_errors(len(word)))}
    assert set(Spellings(_NAMES).nearest(word, errors)) == wanted


def test_no_words_are_near_anything():
    assert Spellings([]).nearest("QUILLFEN", 2) == []


def test_short_words_are_not_guessed_at():
    assert [most_errors(length) for length in (3, 4, 6, 7, 9, 10, 20)] == [0, 1, 1, 2, 2, 3, 3]


WEIGHTS = {Sort.WORD: 1.0, Sort.NUMBER: 4.0, Sort.LETTER: 2.5}

# A vocabulary of its own: a code for each token.
_CODES: dict[str, str] = {}


def code(token: str) -> str:
    return _CODES.setdefault(token, chr(100 + len(_CODES)))


class _Sorts(dict[str, Sort]):
    def __missing__(self, key: str) -> Sort:
        return sort_of(next(token for token, of in _CODES.items() if of == key))


class _Penalties(dict[str, float]):
    def __missing__(self, key: str) -> float:
        sort = _Sorts()[key]
        return penalty(sort, WEIGHTS[sort])


def score(typed: str, written: str) -> float:
    words = Query.parse(typed, OUTWARDS, finished=True).words
    terms = Terms([Term(word.text, word.text, sort_of(word.text), WEIGHTS[sort_of(word.text)], {code(word.text): 1.0}) for word in words])
    row = VARIANT.join("".join(map(code, tokens(variant))) for variant in written.split("|"))
    return compare(terms, row, _Penalties(), _Sorts()).score


@pytest.mark.parametrize(
    ("typed", "better", "worse"),
    [
        ("14 foo street", "14 Foo Street", "Flat 1 14 Foo Street"),
        ("flat 2 foo house", "Flat 2 Foo House Bar Road", "Flat A 2 Foo House Bar Road"),
        ("2 14 foo street", "Flat 2 14 Foo Street", "Flat 14 2 Foo Street"),
        ("179a foo street", "Flat A 179 Foo Street", "179 Foo Street"),
        ("14 foo street", "9 Bar Row|14 Foo Street", "9 Foo Street"),
    ],
)
def test_the_address_that_was_meant_scores_higher(typed, better, worse):
    assert score(typed, better) > score(typed, worse)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("FLAT 2, 179A ST JOHN'S ROAD", "Flat 2, 179A St John's Road"),
        ("THE OLD BAKERY, 1ST FLOOR", "The Old Bakery, 1st Floor"),
        ("BAKERS & SONS, WALK OF THE KINGS", "Bakers & Sons, Walk of the Kings"),
        ("already Readable", "already Readable"),
    ],
)
def test_capitals_are_made_readable(written, shown):
    assert readable(written) == shown


def test_grid_references_become_what_os_and_postcodes_io_publish():
    # The example in postcodes.io's documentation, which comes from ONS; and Ordnance Survey's test point at Caister, to its nearest metre.
    assert list(to_lng_lat([529090], [179645])) == [(-0.141563, 51.50101)]
    ((lng, lat),) = to_lng_lat([651410], [313177])
    assert (lng, lat) == pytest.approx((1.716073973, 52.658007833), abs=1e-5)
