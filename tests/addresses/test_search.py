"""Finding addresses in the real release."""

import random
import time

import pytest

from services.addresses.adapters.gazetteer import Found, Gazetteer
from services.addresses.domain.postcode import PartialPostcode, Postcode
from services.addresses.domain.premises import Kind
from services.addresses.search import search

CAMDEN, HACKNEY = "E09000007", "E09000012"


def some_premises(gazetteer: Gazetteer, count: int) -> list[Found]:
    """Premises spread over both boroughs, the same in every run."""
    postcodes = [live.postcode for outward in ("E8", "NW5") for live in gazetteer.beginning_with(PartialPostcode(outward), None, 400)]
    return random.Random(4).sample([found for postcode in postcodes for found in gazetteer.at(postcode)], count)


def test_every_address_is_found_first_by_its_own_line(gazetteer):
    for premises in some_premises(gazetteer, 300):
        assert search(gazetteer, premises.delivery.line(), limit=1)[0].uprn == premises.uprn, premises.delivery.line()


def test_nearly_every_address_is_found_first_without_its_postcode(gazetteer):
    sample = some_premises(gazetteer, 300)
    hits = [search(gazetteer, premises.delivery.searchable(), limit=1)[0].uprn == premises.uprn for premises in sample]
    assert sum(hits) >= 0.97 * len(hits)


def test_a_postcode_lists_what_stands_there_homes_before_shells(gazetteer):
    results = search(gazetteer, "e8 1ab", limit=100)
    assert len(results) > 2
    assert {found.delivery.postcode for found in results} == {"E8 1AB"}
    assert {found.uprn for found in results} == {found.uprn for found in gazetteer.at(Postcode("E8", "1AB"))}
    kinds = [found.kind for found in results]
    assert kinds == sorted(kinds, key=[Kind.PREMISES, Kind.SHELL].index)


def test_a_postcode_outside_the_two_boroughs_is_itself_the_result(gazetteer):
    (only,) = search(gazetteer, "sw1a 1aa", limit=10)
    assert (only.kind, only.delivery.postcode, only.borough, only.uprn) == (Kind.POSTCODE, "SW1A 1AA", "E09000033", None)


def test_the_beginning_of_a_postcode_gives_postcodes_in_order(gazetteer):
    results = search(gazetteer, "e8 1a", limit=10)
    postcodes = [found.delivery.postcode for found in results]
    assert {found.kind for found in results} == {Kind.POSTCODE}
    assert len(postcodes) == 10
    assert postcodes == sorted(postcodes)
    assert all(postcode.startswith("E8 1A") for postcode in postcodes)


def test_a_postcode_in_the_wrong_borough_is_not_found(gazetteer):
    assert search(gazetteer, "E8 1AB", limit=10, borough=CAMDEN) == []
    assert search(gazetteer, "SW1A 1AA", limit=10, borough=CAMDEN) == []


def test_a_borough_narrows_everything(gazetteer):
    for text in ("12", "road", "flat 2", "E", "N1"):
        results = search(gazetteer, text, limit=100, borough=HACKNEY)
        assert results
        assert {found.borough for found in results} == {HACKNEY}


def test_a_street_comes_before_its_houses_and_its_houses_in_order(gazetteer):
    street = some_premises(gazetteer, 1)[0].delivery.street
    first, *others = search(gazetteer, street, limit=20)
    assert (first.kind, first.delivery.street, first.uprn) == (Kind.STREET, street, None)
    assert others[0].delivery.street == street


def test_what_is_typed_so_far_is_enough(gazetteer):
    premises = next(found for found in some_premises(gazetteer, 50) if found.delivery.building_number)
    typed = f"{premises.delivery.building_number} {premises.delivery.street[:-2]}"
    shown = search(gazetteer, typed, limit=10)
    assert any(found.delivery.street == premises.delivery.street for found in shown)


def test_an_abbreviated_street_type_is_understood(gazetteer):
    premises = next(found for found in some_premises(gazetteer, 80) if found.delivery.street.endswith(" Road"))
    (first, *_) = search(gazetteer, premises.delivery.street.replace("Road", "rd") + " " + premises.delivery.postcode, limit=5)
    assert first.delivery.street == premises.delivery.street


def test_a_number_that_does_not_exist_still_shows_the_street(gazetteer):
    street = some_premises(gazetteer, 1)[0].delivery.street
    assert search(gazetteer, f"98765 {street}", limit=5)[0].delivery.street == street


def test_a_partial_postcode_narrows_words(gazetteer):
    results = search(gazetteer, "flat 1 e8 1", limit=50)
    assert results
    assert all(found.delivery.postcode.startswith("E8 1") for found in results)


NASTY = [
    "", " ", "\x00", "\x00\x01\x1f", "😀" * 50, "a" * 10_000, "12 " * 5_000, '"', "'; DROP TABLE premises; --", "* OR words:a",
    "NEAR(a b)", "^a", "{area} : x", "a AND", "OR", "NOT", "\u202e\u200b", "ﷺ" * 200, "é" * 300, "1" * 300, "E8 " * 70,
    "flat " * 70 + "1", "%", "_", "\\", "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
]  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
def test_any_text_is_answered_quickly(gazetteer, text):
    began = time.perf_counter()
    results = search(gazetteer, text, limit=100)
    assert time.perf_counter() - began < 0.25
    assert len(results) <= 100


def test_random_text_never_fails(gazetteer):
    dice = random.Random(11)
    pieces = [
        "E8",
        "NW1",
        "1AA",
        "1",
        "12A",
        "flat",
        "road",
        "st",
        "é",
        "😀",
        '"',
        "*",
        "(",
        ")",
        ":",
        "-",
        "\x00",
        "OR",
        "AND",
        "NOT",
        " ",
        ",",
        "z",
    ]
    for _ in range(500):
        search(gazetteer, "".join(dice.choices(pieces, k=dice.randint(0, 12))), limit=10)
