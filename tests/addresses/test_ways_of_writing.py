"""Addresses as councils, the Valuation Office and people write them: read as they are meant, and nothing passed over in silence."""

import pytest

from services.addresses.domain.geography.postcode import Postcode
from services.addresses.domain.search.matching import Decision
from services.addresses.domain.search.query import Query

OUTWARDS = frozenset({"E8", "N5", "NW1"})


def first(gazetteer, typed):
    found = gazetteer.search(typed, 10)
    return found[0].uprn if found else None


BESIDE = [
    "land adjacent to {}", "land adjoining {}", "land next to {}", "garage rear of {}", "garage r/o {}", "plot opposite {}", "annexe at {}",
    "plot next to {}", "land at {}", "site behind {}", "the annex, {}", "garages adj {}", "land to the rear of {}", "flat above {}",
    "land between 7 and 9 {street}", "parking space {}", "outbuilding at {}", "kiosk o/s {}", "land nxt {}", "plot 2 adjacent {}",
    "coach house rear {}", "substation opp {}",
]  # fmt: skip


@pytest.mark.parametrize("written", BESIDE)
def test_a_place_beside_another_is_never_a_sure_match_with_it(small_town, written):
    text = written.format("7 Heatherbrae Road", street="Heatherbrae Road")
    for postcode in ("E8 1AD", None):
        found = small_town.match(text, postcode)
        assert found.decision is not Decision.MATCH, found.matches[0]
    assert found.matches[0].tokens.missing
    assert small_town.match("7 Heatherbrae Road", "E8 1AD").decision is Decision.MATCH


@pytest.mark.parametrize(
    "written", ["garage rear of 11 Heatherbrae Road", "garage r/o 11 heatherbrae rd", "Rear of 11 Heatherbrae Rd, garage"]
)
def test_a_place_beside_another_that_is_held_is_matched_itself(small_town, written):
    found = small_town.match(written, "E8 1AD")
    assert (found.decision, found.matches[0].uprn) == (Decision.MATCH, 523)
    assert small_town.match("11 Heatherbrae Road", "E8 1AD").matches[0].uprn == 522


def test_a_held_place_beside_another_is_no_sure_match_with_an_address_without_its_words(small_town):
    decision, match = small_town.check(523, "11 Heatherbrae Road", "E8 1AD")
    assert decision is not Decision.MATCH
    assert match.confidence <= 0.75


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_code_of_a_flat_is_no_postcode(small_town, number):
    written = f"Flat D{number} 2nd Floor Heron Courtyard House"
    for postcode in ("E8 1AE", None):
        best, second, *_ = small_town.match(written, postcode).matches
        assert best.uprn == 530 + number
        assert best.confidence > 2 * second.confidence
    assert first(small_town, written) == 530 + number


@pytest.mark.parametrize(
    ("typed", "postcode", "words"),
    [
        ("Flat D1 2nd Floor Heron House", None, ["FLAT", "D", "1", "SECOND", "FLOOR", "HERON", "HOUSE"]),
        ("Flat E8 2nd Floor Heron House", None, ["FLAT", "E", "8", "SECOND", "FLOOR", "HERON", "HOUSE"]),
        ("Unit N5, 3 Foo Street", None, ["UNIT", "N", "5", "3", "FOO", "STREET"]),
        ("3 Foo Street E8 2ND", "E8 2ND", ["3", "FOO", "STREET"]),
        ("3 Foo Street WD17 1AA", "WD17 1AA", ["3", "FOO", "STREET"]),
        ("London, N5 1SR", "N5 1SR", []),
        ("London N5 1SR UK", "N5 1SR", []),
        ("Greater London, N5 1SR", "N5 1SR", []),
        ("London Road, N5 1SR", "N5 1SR", ["LONDON", "ROAD"]),
    ],
)
def test_postcodes_and_towns_are_told_from_codes_and_streets(typed, postcode, words):
    for finished in (True, False):
        query = Query.parse(typed, OUTWARDS, finished=finished)
        assert query.postcode == (Postcode.parse(postcode) if postcode else None)
        assert query.partial == ()
        assert [word.text for word in query.words] == words


def test_a_flat_with_the_code_of_a_district_is_looked_for_although_its_postcode_is_apart():
    query = Query.parse("E8 Heron House", OUTWARDS, finished=True, apart=True)
    assert (query.partial, [word.text for word in query.words]) == ((), ["E", "8", "HERON", "HOUSE"])


def test_the_words_of_floors_do_not_outweigh_a_number(small_town):
    assert small_town.match("Flat 1, ground floor, 2A Mapledore Grove", "E8 1AF").matches[0].uprn == 550
    assert first(small_town, "Flat 1, ground floor, 2A Mapledore Grove") == 550
    assert first(small_town, "First floor flat 21 Mapledore Grove") == 542
    assert small_town.match("First floor flat 21 Mapledore Grove").matches[0].uprn == 542


@pytest.mark.parametrize(
    ("written", "uprn"),
    [
        ("BST FT 30 OSTRICHFEATHER PK", 560), ("BSMT FLT, 30 Ostrichfeather Park", 560), ("B/F 30 Ostrichfeather Park", 560),
        ("GFF 30 OSTRICHFEATHER PARK", 561), ("G/F FT 30 Ostrichfeather Park", 561), ("GRD FLR FLAT 30 Ostrichfeather Park", 561),
        ("F/F FLAT LHS 30 Ostrichfeather Park", 562), ("FFF LHS, 30 Ostrichfeather Park", 562), ("1FF L/H/S 30 Ostrichfeather Park", 562),
        ("F/F FT RHS 30 Ostrichfeather Park", 563), ("1ST FLR FLAT R/H, 30 Ostrichfeather Park", 563),
        ("MAIS T/F 30 Ostrichfeather Park", 564), ("TOP FLR MAIS 30 Ostrichfeather Park", 564),
        ("PT 2ND FLR 30 Ostrichfeather Park", 565), ("PT S/F 30 Ostrichfeather Park", 565),
    ],
)  # fmt: skip
def test_the_spellings_of_the_valuation_office_are_read(small_town, written, uprn):
    assert small_town.match(written, "E8 1AG").matches[0].uprn == uprn
    assert first(small_town, written) == uprn


@pytest.mark.parametrize("typed", ["6 h1gh street", "6 H1GH 5treet", "6 h1gh street l0nd0n", "6 high street l0ndon"])
def test_digits_in_a_word_are_read_as_the_letters_that_they_look_like(small_town, typed):
    assert first(small_town, typed) == 571
    assert small_town.match(typed).matches[0].uprn == 571
    assert first(small_town, "8 0ak avenue") == 572


def test_the_town_does_not_hijack_a_postcode(small_town):
    found = small_town.search("London, E8 1AH", 20)
    assert {one.postcode for one in found} == {"E8 1AH"}
    assert {570, 571, 572} <= {one.uprn for one in found}
    empty = small_town.search("London, NW1 0AB", 20)
    assert [one.kind for one in empty] == ["postcode"] or {one.postcode for one in empty} == {"NW1 0AB"}


@pytest.mark.parametrize("typed", ["E8 IAH", "E8 lah", "e8iah", "E8 1AH", "5 London Lane E8 IAH"])
def test_a_letter_for_a_digit_in_a_typed_postcode_is_mended_by_a_search_too(small_town, typed):
    assert 570 in [found.uprn for found in small_town.search(typed, 10)]


@pytest.mark.parametrize("typed", ["12 NILES", "5 ELBOW", "WILLS", "SELBY"])
def test_a_word_is_no_postcode_written_wrongly(small_town, typed):
    query = Query.parse(typed, frozenset({"N1", "SE1", "W1", "E1"}), is_live=lambda _: True)
    assert query.postcode is None


def test_of_a_street_that_does_not_exist_no_other_streets_premises_are_shown(small_town):
    answer = small_town.answer("10 Zanzibarqua Street", 20)
    assert (answer.results, answer.unmatched) == ((), ("zanzibarqua",))
    answer = small_town.answer("7 Heatherbrae Road Atlantiswyx", 20)
    assert answer.results[0].uprn == 520
    assert answer.unmatched == ("atlantiswyx",)
    answer = small_town.answer("98765 Heatherbrae Road", 20)
    assert "Heatherbrae Road" in answer.results[0].address
    assert answer.unmatched == ("98765",)
    assert small_town.answer("7 Heatherbrae Road", 20).unmatched == ()
    assert small_town.answer("7 Heatherbrea Road", 20).corrected == {"heatherbrea": "heatherbrae"}


@pytest.mark.parametrize("typed", ["7 Haetherbare Raod", "30 Ostrichfethrr Park", "30 Ostrihcfaethre Park"])
def test_three_errors_in_a_long_word_are_recognised(small_town, typed):
    assert first(small_town, typed) in {520, 560, 561, 562, 563, 564, 565}


def test_what_is_too_much_to_read_is_named(small_town):
    found = small_town.match("7 Heatherbrae Road" + "," * 300 + " Wordyq", "E8 1AD")
    assert found.matches[0].tokens.missing == ("wordyq",)
    found = small_town.match("7 Heatherbrae Road, E8 1AE", "E8 1AD")
    assert found.matches[0].uprn == 520
    assert "e8 1ae" in found.matches[0].tokens.missing
    found = small_town.match("7 Heatherbrae Road", "nonsense")
    assert "nonsense" in found.matches[0].tokens.missing


def test_words_that_are_read_in_full_are_shown_as_they_begin(small_town):
    shown_at = "Part Ground Floor, The Saint John Rooms, 40 Apartment Yard, London"
    for end in range(6, len(shown_at) + 1):
        assert 580 in [found.uprn for found in small_town.search(shown_at[:end], 20)], shown_at[:end]


async def test_the_words_that_did_not_match_are_in_the_reply(running, reader):
    reply = await running.http.get("/v1/addresses/search", params={"q": "10 Zanzibarqua Street"}, headers=reader)
    assert reply.json() == {"results": [], "unmatched": ["zanzibarqua"]}
    reply = await running.http.get("/v1/addresses/search", params={"q": "e8 1ab"}, headers=reader)
    assert set(reply.json()) <= {"results", "warnings"}
