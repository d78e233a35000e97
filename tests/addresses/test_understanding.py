"""How typed text is read, and how candidates are ordered."""

import pytest

from services.addresses.domain.grid import to_lng_lat
from services.addresses.domain.postcode import Postcode
from services.addresses.domain.query import Query, Word
from services.addresses.domain.ranking import score
from services.addresses.domain.text import MOST_TOKENS, query_tokens, tokens

OUTWARDS = frozenset({"NW1", "NW10", "NW11", "NW1W", "E8", "EC1A", "N1"})


@pytest.mark.parametrize("text", ["NW1 1AA", "nw11aa", " nw1  1aa ", "Nw1\t1Aa"])
def test_a_postcode_is_read_in_any_case_and_spacing(text):
    assert str(Postcode.parse(text)) == "NW1 1AA"


@pytest.mark.parametrize("text", ["", "NW1", "NW1 1A", "NW1 1AAA", "1AA NW1", "NW1-1AA", "٣W1 1AA", "NW1 ١AA", "NW1 1A\x00"])
def test_what_is_not_a_whole_postcode_is_not_read_as_one(text):
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
def test_the_beginning_of_a_postcode_is_told_from_words(typed, prefixes):
    assert {begun.prefix for begun in Query.parse(typed, OUTWARDS).partial} == prefixes


def test_a_postcode_is_found_among_the_parts_of_an_address():
    query = Query.parse("Flat 2, 14 Quillf St, London NW11AA", OUTWARDS)
    assert query.postcode == Postcode("NW1", "1AA")
    assert [word.whole for word in query.words] == ["FLAT", "2", "14", "QUILLF", "STREET"]
    assert not any(word.unfinished for word in query.words)


def test_only_the_word_being_typed_is_unfinished():
    assert Query.parse("14 quil", OUTWARDS).words == (Word("14"), Word("QUIL", unfinished=True))
    assert Query.parse("nw1 14 quil", OUTWARDS).words == (Word("14"), Word("QUIL", unfinished=True))


def test_text_becomes_plain_tokens():
    assert tokens("Café St. John’s–Wood 12a\x00\U0001f600") == ["CAFE", "ST", "JOHNS", "WOOD", "12A"]
    assert len(query_tokens("a " * 10_000)) == MOST_TOKENS


def words(text: str) -> tuple[Word, ...]:
    return Query.parse(text, OUTWARDS).words


@pytest.mark.parametrize(
    ("typed", "better", "worse"),
    [
        ("14 foo street", "14 Foo Street", "Flat 1 14 Foo Street"),
        ("flat 2 foo house", "Flat 2 Foo House Bar Road", "Flat A 2 Foo House Bar Road"),
        ("2 14 foo street", "Flat 2 14 Foo Street", "Flat 14 2 Foo Street"),
        ("foo rd", "Foo Road", "Foo Rdiculous"),
        ("foo", "Foo Street", "Food Street"),
    ],
)
def test_the_address_that_was_meant_scores_higher(typed, better, worse):
    assert score(words(typed), better) > score(words(typed), worse)


def test_grid_references_become_what_os_and_postcodes_io_publish():
    # The example in postcodes.io's documentation, which comes from ONS; and Ordnance Survey's test point at Caister, to its nearest metre.
    assert list(to_lng_lat([529090], [179645])) == [(-0.141563, 51.50101)]
    ((lng, lat),) = to_lng_lat([651410], [313177])
    assert (lng, lat) == pytest.approx((1.716073973, 52.658007833), abs=1e-5)
