"""Generated premises: the same for the same seed, recognisable, well-formed, in the order of their UPRNs and as many as asked for."""

import re
from collections import Counter

import pytest

from services.addresses.domain.addressbase.records import LogicalStatus
from services.addresses.domain.addressbase.single_line import line
from services.addresses.domain.geography.boroughs import BOROUGHS
from services.addresses.domain.geography.location import Location
from services.addresses.domain.geography.postcode import Postcode
from services.addresses.domain.synthetic import names as made_up_names
from services.addresses.domain.synthetic.generate import Site, generate
from services.addresses.domain.synthetic.identifiers import MADE_UP_UPRNS, MADE_UP_USRNS
from services.addresses.domain.synthetic.plots import Classification
from services.addresses.domain.synthetic.random_choice import Dice

UNITS = [f"{first}{second}" for first in "ABDEFGHJLN" for second in "ABDEFGHJLNPQRSTUWXYZ"]


def sites(count: int = 400) -> list[Site]:
    codes = [Postcode("E8", f"{sector}{unit}") for sector in range(1, 4) for unit in UNITS]
    return [Site(code, "E09000012", Location(534_000 + at, 184_000 + at), "E05009373") for at, code in enumerate(codes[:count])]


def lines(count: int, seed: int = 7) -> dict[int, str]:
    return {record.uprn: line(record) for record in generate(sites(count), seed)}


def test_the_same_seed_gives_the_same_premises_in_any_order_of_sites():
    assert list(generate(sites(), 7)) == list(generate(list(reversed(sites())), 7))
    assert list(lines(400).values()) != list(lines(400, seed=8).values())


def test_a_new_postcode_in_another_sector_changes_nobody_else():
    assert lines(200).items() <= lines(201).items()


def test_uprns_stay_with_their_postcode_when_others_of_the_sector_go():
    all_of_them = {record.uprn: record for record in generate(sites(), 7)}
    half = list(generate([site for at, site in enumerate(sites()) if at % 2], 7))
    assert half
    for record in half:
        before = all_of_them[record.uprn]
        assert (before.postcode, before.classification, before.parent_uprn) == (record.postcode, record.classification, record.parent_uprn)


@pytest.fixture(scope="module")
def made():
    return list(generate(sites(), 7))


def test_uprns_ascend_and_are_in_the_made_up_range(made):
    uprns = [record.uprn for record in made]
    assert uprns == sorted(set(uprns))
    assert all(uprn in MADE_UP_UPRNS and len(str(uprn)) == 12 for uprn in uprns)


def test_every_address_line_is_one_of_a_kind(made):
    written = [line(record) for record in made]
    assert len(set(written)) == len(written)


def test_every_approved_identifier_is_one_of_a_kind_and_every_key_too(made):
    identifiers = [
        (lpi.usrn, lpi.sao, lpi.sao_text, lpi.pao, lpi.pao_text)
        for record in made
        for lpi in record.lpis
        if lpi.logical_status is LogicalStatus.APPROVED
    ]
    assert len(identifiers) == len(set(identifiers)) == len(made)
    keys = [lpi.lpi_key for record in made for lpi in record.lpis]
    assert len(keys) == len(set(keys))
    assert all(len(key) == 14 for key in keys)


def test_a_street_reference_has_one_name_and_is_in_the_made_up_range(made):
    names = {(lpi.usrn, lpi.street) for record in made for lpi in record.lpis}
    assert len({usrn for usrn, _ in names}) == len(names)
    assert all(usrn in MADE_UP_USRNS for usrn, _ in names)


def test_there_is_every_kind_of_premises_and_of_identifier(made):
    assert {record.classification for record in made} == {str(code) for code in Classification}
    approved = [lpi for record in made for lpi in record.lpis if lpi.logical_status is LogicalStatus.APPROVED]
    assert {lpi.logical_status for record in made for lpi in record.lpis} == {
        *(LogicalStatus.APPROVED, LogicalStatus.ALTERNATIVE, LogicalStatus.HISTORICAL)
    }
    assert any(lpi.pao.end_number for lpi in approved)
    assert any(lpi.pao.start_suffix for lpi in approved)
    assert any(lpi.sao.start_number for lpi in approved)
    texts = " ".join(f"{lpi.sao_text} {lpi.pao_text}" for lpi in approved)
    assert all(text in texts for text in ("BASEMENT FLAT", "GARDEN FLAT", "ESTATE", "THE OLD ", "FIRST FLOOR FLAT", "HOUSE"))
    assert any(record.delivery_point.dependent_thoroughfare.endswith("ESTATE") for record in made if record.delivery_point)


def test_what_was_renamed_says_until_when(made):
    for record in made:
        for lpi in record.lpis:
            assert (lpi.end_date is not None) == (lpi.logical_status is LogicalStatus.HISTORICAL)


def test_flats_have_a_shell_at_their_postcode_and_shells_have_parts(made):
    by_uprn = {record.uprn: record for record in made}
    flats = [record for record in made if record.classification == Classification.FLAT]
    assert flats
    for flat in flats:
        shell = by_uprn[flat.parent_uprn]
        assert shell.classification == Classification.SHELL
        assert shell.delivery_point is None
        assert (shell.postcode, shell.easting, shell.northing) == (flat.postcode, flat.easting, flat.northing)
    children = Counter(record.parent_uprn for record in made if record.parent_uprn)
    shells = {record.uprn: record.multi_occupancy for record in made if record.classification == Classification.SHELL}
    assert shells == dict(children)


def test_every_site_has_premises_near_it(made):
    at = {str(site.postcode): site.location for site in sites()}
    assert {record.postcode for record in made} == set(at)
    for record in made:
        site = at[record.postcode]
        assert abs(record.easting - site.easting) <= 25
        assert abs(record.northing - site.northing) <= 25


@pytest.mark.parametrize("premises", [1, 500, 3_000, 12_345, 39_600])
def test_as_many_premises_are_made_as_are_asked_for(premises):
    uprns = [record.uprn for record in generate(sites(), 7, premises=premises)]
    assert len(uprns) == premises
    assert uprns == sorted(set(uprns))


def test_more_than_the_postcodes_hold_is_refused():
    with pytest.raises(ValueError, match="39600"):
        next(generate(sites(), 7, premises=39_601))


def test_a_postcode_outside_london_is_refused():
    with pytest.raises(ValueError, match="M1"):
        next(generate([Site(Postcode("M1", "1AA"), "E09000012", Location(384_000, 398_000))], 7))


@pytest.fixture(scope="module")
def words() -> set[str]:
    dice = Dice("words")
    return {made_up_names.word(dice) for _ in range(20_000)}


def test_a_name_joins_two_elements_of_english_place_names(words):
    first = {element.upper() for element in made_up_names.FIRST_ELEMENTS}
    second = {element.upper() for element in made_up_names.SECOND_ELEMENTS}
    assert [word for word in words if not any(word[:at] in first and word[at:] in second for at in range(2, len(word)))] == []
    assert len(words) > 8_000, "so few that streets of one name would be common"


@pytest.mark.parametrize(
    ("first", "second"), [("Cowslip", "lhope"), ("Thrush", "shaw"), ("Elm", "mere"), ("Apple", "ley"), ("Ivy", "acre")]
)
def test_a_join_that_reads_like_a_misprint_is_never_made(words, first, second):
    assert f"{first}{second}".upper() not in words
    assert max(map(len, words)) <= made_up_names.LONGEST_NAME
    assert [word for word in words if re.search(r"(.)\1\1|[AEIOU]{3}|(SH|CH|TH|X)(S|TH[^A-Z])", word)] == []


def test_no_name_is_a_boroughs(words):
    assert not words & {part.upper() for borough in BOROUGHS.values() for part in borough.name.split()}
