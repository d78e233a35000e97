"""Generated premises: the same for the same seed, recognisable, well-formed."""

import pytest

from services.addresses.domain.generation import Site, generate
from services.addresses.domain.postcode import Postcode
from services.addresses.domain.premises import MADE_UP_UPRNS, Classification, Kind, Location


def sites(count: int = 400) -> list[Site]:
    units = [f"{first}{second}" for first in "ABDEFGHJLN" for second in "ABDEFGHJLNPQRSTUWXYZ"]
    codes = [Postcode("E8", f"{sector}{unit}") for sector in range(1, 4) for unit in units]
    return [Site(code, "E09000012", Location(534_000 + at, 184_000 + at)) for at, code in enumerate(codes[:count])]


def test_the_same_seed_gives_the_same_premises_in_any_order_of_sites():
    assert generate(sites(), 7) == generate(list(reversed(sites())), 7)
    assert generate(sites(), 7).premises != generate(sites(), 8).premises


def test_a_new_postcode_in_another_sector_changes_nobody_else():
    before = {premises.uprn: premises.delivery.line() for premises in generate(sites(200), 7).premises}
    after = {premises.uprn: premises.delivery.line() for premises in generate(sites(201), 7).premises}
    assert before.items() <= after.items()


@pytest.fixture(scope="module")
def made():
    return generate(sites(), 7)


def test_every_uprn_is_one_of_a_kind_and_in_the_made_up_range(made):
    uprns = [premises.uprn for premises in made.premises]
    assert len(set(uprns)) == len(uprns)
    assert all(uprn in MADE_UP_UPRNS and len(str(uprn)) == 12 for uprn in uprns)


def test_every_address_line_is_one_of_a_kind_within_its_postcode(made):
    lines = [premises.delivery.line() for premises in made.premises]
    assert len(set(lines)) == len(lines)


def test_there_are_houses_flats_shops_and_named_buildings(made):
    assert {premises.classification for premises in made.premises} == set(Classification)


def test_flats_have_a_shell_at_their_postcode_and_shells_have_parts(made):
    by_uprn = {premises.uprn: premises for premises in made.premises}
    flats = [premises for premises in made.premises if premises.classification is Classification.FLAT]
    assert flats
    for flat in flats:
        shell = by_uprn[flat.parent]
        assert shell.kind is Kind.SHELL
        assert (shell.delivery.postcode, shell.location) == (flat.delivery.postcode, flat.location)
    parents = {premises.parent for premises in made.premises}
    assert all(premises.uprn in parents for premises in made.premises if premises.kind is Kind.SHELL)


def test_every_site_has_premises_near_it(made):
    at = {str(site.postcode): site.location for site in sites()}
    assert {premises.delivery.postcode for premises in made.premises} == set(at)
    for premises in made.premises:
        site = at[premises.delivery.postcode]
        assert abs(premises.location.easting - site.easting) <= 25
        assert abs(premises.location.northing - site.northing) <= 25
