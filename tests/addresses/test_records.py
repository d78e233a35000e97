"""A release returns the records, families, places and postcodes that it was built from."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from math import dist
from pathlib import Path

import pytest

from services.addresses.domain.addressbase.records import Blpu, BlpuState, DeliveryPoint, Language, LogicalStatus, Lpi, Numbering
from services.addresses.domain.addressbase.single_line import line
from services.addresses.domain.geography.postcode import Postcode
from services.addresses.domain.search.result import kind_of, shown_line
from services.addresses.domain.synthetic.generate import generate
from services.addresses.gazetteer.builds.full import build
from services.addresses.gazetteer.files import display_lines as shown_lines
from services.addresses.gazetteer.files import record_codec as codec
from services.addresses.gazetteer.files.shipped_sources import Sources
from services.addresses.gazetteer.search.gazetteer import Gazetteer

HOME = Blpu(
    uprn=10_000_000_001, easting=534_418.25, northing=184_649.75, latitude=51.5447371, longitude=-0.0629391, borough="E09000012",
    classification="RD06",
    lpis=(
        Lpi("5360L000000001", 20_900_001, "HIGH STREET", sao=Numbering(2), sao_text="FLAT", pao=Numbering(6, "A", 20, "C"),
            pao_text="É HOUSE", town="LONDON", locality="DALSTON", start_date=date(2001, 2, 3), street_state="2",
            street_classification="8"),
        Lpi("not a key", 20_900_002, "STRYD FAWR", LogicalStatus.ALTERNATIVE, Language.WELSH, area_name="AREA",
            last_update=date(1850, 1, 1)),
    ),
    delivery_point=DeliveryPoint(
        99_999_999, "E8 1AB", "LONDON", "ORGANISATION", "DEPARTMENT", "FLAT 2", "É HOUSE", "6", "77", "DEPENDENT", "HIGH STREET", "DOUBLE",
        "DALSTON", "1A", date(2020, 2, 29),
    ),
    logical_status=LogicalStatus.PROVISIONAL, state=None, state_date=date(1999, 12, 31), parent_uprn=999_999_999_999, rpc=9, custodian=5360,
    country="W", postal_address="L", postcode_locator="E8 1AD", multi_occupancy=3, toid="osgb1000012345678", ward="E05009372",
    parish="E04000001", organisation="OWNER", legal_name="OWNER LTD", start_date=date(2001, 2, 3), end_date=date(2030, 1, 1),
    last_update=date(2025, 9, 1), entry_date=date(2001, 2, 4), successors=(1, 999_999_999_998),
    cross_references=(("7666VC", "K1"), ("X", "")),
)  # fmt: skip
BARE = Blpu(7, 530_000.0, 180_000.0, 51.5, -0.1, "E09000007", "PP")


@pytest.fixture
def opened(tmp_path: Path, few_sources: Sources) -> Callable[..., Gazetteer]:
    """`opened(*blpus)`: a release of these records and the postcodes of two districts, open."""

    def build_and_open(*blpus: Blpu) -> Gazetteer:
        build(tmp_path, blpus, few_sources)
        return Gazetteer.open(tmp_path)

    return build_and_open


def test_records_come_back_as_they_were_given(opened):
    older = replace(
        HOME, uprn=8, toid="x" * 400, delivery_point=None, state=BlpuState.NO_LONGER_EXISTING, logical_status=LogicalStatus.HISTORICAL
    )
    gazetteer = opened(BARE, older, HOME)
    assert list(gazetteer.all_records()) == [BARE, older, HOME]
    assert gazetteer.records([HOME.uprn, 5, BARE.uprn, -1, 1 << 80]) == [HOME, BARE]
    assert gazetteer.record(9) is None


def test_records_come_back_when_the_dictionary_of_texts_is_full(opened, monkeypatch):
    monkeypatch.setattr(codec, "MOST_TEXTS", 3)
    assert opened(HOME).record(HOME.uprn) == HOME


@pytest.mark.parametrize("most_streets", [shown_lines.MOST_STREETS, 1])
def test_what_a_search_shows_of_a_row_is_what_its_record_says(opened, monkeypatch, most_streets):
    monkeypatch.setattr(shown_lines, "MOST_STREETS", most_streets)
    identified = replace(HOME, delivery_point=None, classification="PP")
    numbered = replace(identified, lpis=(Lpi("k", 1, "MALL", pao=Numbering(5)),), postcode_locator="")
    named = replace(identified, lpis=(Lpi("k", 2, "5TH AVENUE, THE", pao_text="É", town="LONDON"),), organisation="")
    nameless = replace(HOME, delivery_point=DeliveryPoint(1, "E8 1AB", "LONDON"))
    blpus = [replace(blpu, uprn=uprn) for uprn, blpu in enumerate((BARE, HOME, identified, numbered, named, nameless), 10)]
    premises = opened(*blpus)._premises
    for row, blpu in enumerate(blpus):
        place = blpu.borough, blpu.longitude, blpu.latitude, blpu.uprn
        assert premises.found(row) == (kind_of(blpu.classification), shown_line(line(blpu), blpu.postcode), blpu.postcode, *place)


def test_a_release_of_nothing_answers_nothing(opened):
    gazetteer = opened()
    assert len(gazetteer) == 0
    assert gazetteer.at_postcode("E8 1AB") == gazetteer.children(1) == []
    assert gazetteer.within(0, 0, 700_000, 1_300_000) == []
    assert gazetteer.nearest(530_000, 180_000, 1_000, 10) == []
    assert gazetteer.search("high street", 10) == []
    assert gazetteer.find("high street", limit=10) == (0, [])


def test_records_out_of_order_are_refused(opened):
    with pytest.raises(ValueError, match="UPRN 7"):
        opened(HOME, BARE)


def test_every_generated_record_is_in_the_release(gazetteer):
    made = generate(Sources().sites(("E09000007", "E09000012")), 1)
    assert sum(blpu == held for blpu, held in zip(made, gazetteer.all_records(), strict=True)) == len(gazetteer)


def test_children_and_postcodes_are_in_the_order_of_their_addresses(gazetteer):
    shell = next(blpu for blpu in gazetteer.records(gazetteer.at_postcode("E8 ")) if blpu.multi_occupancy > 11)
    flats = gazetteer.records(gazetteer.children(shell.uprn))
    assert {flat.parent_uprn for flat in flats} == {shell.uprn}
    assert len(flats) == shell.multi_occupancy
    numbers = [flat.lpis[0].sao.start_number or int(flat.lpis[0].sao_text.split()[1].split("-")[0]) for flat in flats]
    assert numbers == sorted(numbers)
    postcodes = [blpu.postcode for blpu in gazetteer.records(gazetteer.at_postcode("E8 1"))]
    assert postcodes == sorted(postcodes)
    assert all(postcode.startswith("E8 1") for postcode in postcodes)
    assert gazetteer.at_postcode("NW1 1AA x") == gazetteer.at_postcode("é") == gazetteer.at_postcode("") == []


@pytest.mark.parametrize(("radius", "limit"), [(30, 10), (250, 1_000), (1_000, 25)])
def test_nearest_and_within_agree_with_measuring_everything(gazetteer, radius, limit):
    places = [(blpu.uprn, (blpu.easting, blpu.northing)) for blpu in gazetteer.all_records()]
    for centre in (places[100][1], places[70_000][1], (534_000.5, 184_999.5)):
        near = sorted((dist(centre, place), uprn) for uprn, place in places if dist(centre, place) <= radius)[:limit]
        assert [(uprn, pytest.approx(metres)) for metres, uprn in near] == gazetteer.nearest(*centre, radius, limit)
        box = (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
        inside = [(uprn, *place) for uprn, place in places if abs(place[0] - centre[0]) <= radius and abs(place[1] - centre[1]) <= radius]
        assert gazetteer.within(*box) == inside


def test_nearest_postcodes_and_districts(gazetteer):
    home = gazetteer.postcode(Postcode("E8", "1AB"))
    near = gazetteer.nearest_postcodes(*home.location, 200, 5)
    assert near[0] == (home, 0.0)
    assert [metres for _, metres in near] == sorted(metres for _, metres in near)
    assert gazetteer.outcode("E8").boroughs == ("Hackney", "Islington", "Tower Hamlets")
    assert gazetteer.nearest_outcodes(*home.location, 5_000, 3)[0][0].outcode == "E8"
    assert gazetteer.outcode("E99") is None
    assert gazetteer.random_postcode("E8").postcode.outward == "E8"
    assert gazetteer.random_postcode("E99") is None


def test_a_postcode_in_two_boroughs_says_so(opened):
    across = replace(BARE, borough="E09000033", postcode_locator="E8 1AB")
    assert opened(across).boroughs_of(Postcode("E8", "1AB")) == ["E09000012", "E09000033"]
