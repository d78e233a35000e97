"""Searches find addresses in the shipped release."""

import random

import pytest

from services.addresses.domain.addressbase.records import Blpu, LogicalStatus
from services.addresses.domain.addressbase.single_line import line
from services.addresses.domain.search.result import Found, ResultKind
from services.addresses.gazetteer.search.gazetteer import Gazetteer

CAMDEN, HACKNEY = "E09000007", "E09000012"


def search(gazetteer: Gazetteer, text: str, *, limit: int, borough: str | None = None) -> list[Found]:
    """Searches as the API does."""
    return gazetteer.search(text, limit, borough)


def some_premises(gazetteer: Gazetteer, count: int) -> list[Blpu]:
    """Premises spread over both boroughs, the same in every run."""
    uprns = [uprn for outward in ("E8 ", "NW5 ") for uprn in gazetteer.at_postcode(outward)]
    return [blpu for blpu in gazetteer.records(random.Random(4).sample(uprns, count)) if blpu.delivery_point]


def street_of(blpu: Blpu) -> str:
    return blpu.lpis[0].street


def without_postcode(blpu: Blpu) -> str:
    return line(blpu).removesuffix(blpu.postcode)


def test_every_address_is_found_first_by_its_own_line(gazetteer):
    for blpu in some_premises(gazetteer, 300):
        assert search(gazetteer, line(blpu), limit=1)[0].uprn == blpu.uprn, line(blpu)


def test_nearly_every_address_is_found_first_without_its_postcode(gazetteer):
    sample = some_premises(gazetteer, 300)
    hits = [search(gazetteer, without_postcode(blpu), limit=1)[0].uprn == blpu.uprn for blpu in sample]
    assert sum(hits) >= 0.97 * len(hits)


def test_a_misspelt_name_is_recognised(gazetteer):
    dice = random.Random(8)
    sample = [blpu for blpu in some_premises(gazetteer, 200) if len(street_of(blpu).split()[0]) > 7]
    hits = 0
    for blpu in sample:
        name = street_of(blpu).split()[0]
        at = dice.randrange(1, len(name) - 2)
        swapped = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
        found = search(gazetteer, line(blpu).replace(name, swapped), limit=1)
        hits += bool(found) and found[0].uprn == blpu.uprn
    assert hits >= 0.95 * len(sample)


def test_the_suffix_of_a_number_is_the_letter_of_a_flat(gazetteer):
    flats = [blpu for blpu in some_premises(gazetteer, 2000) if line(blpu).startswith(("FLAT A,", "FLAT B,"))]
    assert len(flats) > 10
    for blpu in flats:
        typed = f"{blpu.lpis[0].pao}{blpu.lpis[0].sao_text[-1]} {street_of(blpu)} {blpu.postcode}"
        assert search(gazetteer, typed, limit=1)[0].uprn == blpu.uprn


def test_a_number_within_a_range_is_found(gazetteer):
    wide = [
        blpu for blpu in some_premises(gazetteer, 3000) if (blpu.lpis[0].pao.end_number or 0) > (blpu.lpis[0].pao.start_number or 0) + 2
    ]
    shops = [blpu for blpu in wide if not blpu.lpis[0].pao_text]
    assert shops
    for blpu in shops:
        pao = blpu.lpis[0].pao
        for typed in (f"{pao} {street_of(blpu)}", f"{(pao.start_number or 0) + 2} {street_of(blpu)}"):
            assert blpu.uprn in {found.uprn for found in search(gazetteer, f"{typed} {blpu.postcode}", limit=3)}


def test_a_former_street_name_finds_the_address(gazetteer):
    old = [(blpu, lpi) for blpu in some_premises(gazetteer, 2500) for lpi in blpu.lpis if lpi.logical_status is LogicalStatus.HISTORICAL]
    renamed = [(blpu, lpi) for blpu, lpi in old if lpi.street != street_of(blpu) and lpi.pao.start_number]
    today = {street_of(blpu) for blpu in gazetteer.all_records()}
    nobody_elses = [(blpu, lpi) for blpu, lpi in renamed if lpi.street not in today]
    assert len(nobody_elses) > 10
    for blpu, lpi in nobody_elses[:50]:
        assert search(gazetteer, f"{lpi.pao} {lpi.street}", limit=1)[0].uprn == blpu.uprn


def test_a_postcode_lists_what_stands_there_homes_before_shells(gazetteer):
    results = search(gazetteer, "e8 1ab", limit=100)
    assert len(results) > 2
    assert {found.postcode for found in results} == {"E8 1AB"}
    assert {found.uprn for found in results} == set(gazetteer.at_postcode("E8 1AB"))
    kinds = [found.kind for found in results]
    assert kinds == sorted(kinds, key=[ResultKind.PREMISES, ResultKind.SHELL].index)


def test_a_postcode_outside_the_two_boroughs_is_itself_the_result(gazetteer):
    (only,) = search(gazetteer, "sw1a 1aa", limit=10)
    assert (only.kind, only.postcode, only.borough, only.uprn) == (ResultKind.POSTCODE, "SW1A 1AA", "E09000033", None)


def test_the_beginning_of_a_postcode_gives_postcodes_in_order(gazetteer):
    results = search(gazetteer, "e8 1a", limit=10)
    postcodes = [found.postcode for found in results]
    assert {found.kind for found in results} == {ResultKind.POSTCODE}
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


def test_a_street_comes_before_its_houses(gazetteer):
    blpu = some_premises(gazetteer, 1)[0]
    first, *others = search(gazetteer, street_of(blpu), limit=20)
    assert (first.kind, first.address.upper(), first.uprn) == (ResultKind.STREET, f"{street_of(blpu)}, LONDON", None)
    assert street_of(blpu) in others[0].address.upper()


def test_what_is_typed_so_far_is_enough(gazetteer):
    houses = [blpu for blpu in some_premises(gazetteer, 200) if blpu.lpis[0].pao.start_number]
    for blpu in houses:
        shown = search(gazetteer, f"{blpu.lpis[0].pao.start_number} {street_of(blpu)[:-2]}", limit=10)
        assert any(street_of(blpu) in found.address.upper() for found in shown)


def test_one_letter_gives_streets_that_begin_with_it(gazetteer):
    results = search(gazetteer, "q", limit=10)
    assert len(results) == 10
    assert results[0].kind is ResultKind.STREET
    assert all(any(word.startswith("Q") for word in found.address.split()) for found in results)


def test_an_abbreviated_street_type_is_understood(gazetteer):
    blpu = next(blpu for blpu in some_premises(gazetteer, 80) if street_of(blpu).endswith(" ROAD"))
    (first, *_) = search(gazetteer, f"{street_of(blpu).replace('ROAD', 'rd')} {blpu.postcode}", limit=5)
    assert street_of(blpu) in first.address.upper()


def test_a_number_that_does_not_exist_still_shows_the_street(gazetteer):
    street = street_of(some_premises(gazetteer, 1)[0])
    assert street in search(gazetteer, f"98765 {street}", limit=5)[0].address.upper()


def test_a_wrong_postcode_does_not_hide_the_address(gazetteer):
    for blpu in some_premises(gazetteer, 40):
        shown = search(gazetteer, f"{without_postcode(blpu)} SE1 1AA", limit=5)
        assert blpu.uprn in {found.uprn for found in shown}, line(blpu)


def test_find_gives_scores_and_pages(gazetteer):
    blpu = some_premises(gazetteer, 1)[0]
    total, found = gazetteer.find(line(blpu), limit=5)
    assert found[0][0] == blpu.uprn
    assert found[0][1] >= 0.9
    assert total >= 1
    total, whole = gazetteer.find(street_of(blpu), limit=1000)
    assert total == len(whole) > 5
    assert [score for _, score in whole] == sorted((score for _, score in whole), reverse=True)
    assert [pair for at in range(0, total, 3) for pair in gazetteer.find(street_of(blpu), limit=3, offset=at)[1]] == whole


def test_find_stays_within_its_rectangle(gazetteer):
    blpu = some_premises(gazetteer, 1)[0]
    box = (blpu.easting - 200, blpu.northing - 200, blpu.easting + 200, blpu.northing + 200)
    _, found = gazetteer.find(street_of(blpu), limit=1000, within=box)
    assert blpu.uprn in dict(found)
    assert set(dict(found)) <= {uprn for uprn, _, _ in gazetteer.within(*box)}
    assert gazetteer.find(street_of(blpu), limit=10, within=(0, 0, 10, 10)) == (0, [])


def test_a_partial_postcode_narrows_words(gazetteer):
    results = search(gazetteer, "flat 1 e8 1", limit=50)
    assert results
    assert all(found.postcode.startswith("E8 1") for found in results)


NASTY = [
    "", " ", "\x00", "\x00\x01\x1f", "😀" * 50, "a" * 10_000, "12 " * 5_000, '"', "'; DROP TABLE premises; --", "* OR words:a",
    "NEAR(a b)", "^a", "{area} : x", "a AND", "OR", "NOT", "\u202e\u200b", "ﷺ" * 200, "é" * 300, "1" * 300, "E8 " * 70,
    "flat " * 70 + "1", "%", "_", "\\", "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
]  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
def test_any_text_is_answered(gazetteer, text):
    assert len(search(gazetteer, text, limit=100)) <= 100
    assert gazetteer.find(text, limit=10)[0] >= 0


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
        text = "".join(dice.choices(pieces, k=dice.randint(0, 12)))
        search(gazetteer, text, limit=10)
        gazetteer.find(text, limit=10)
