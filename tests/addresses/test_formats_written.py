"""Files that are written of records give the same records when they are read, and updates lead from one list of records to the next."""

from collections import Counter
from dataclasses import replace
from datetime import date
from itertools import chain

import pytest

from services.addresses.domain.addressbase.formats import write_core as writing_core
from services.addresses.domain.addressbase.formats.write_premium import Supply, Volumes, full_supply
from services.addresses.domain.addressbase.formats.write_updates import core_changes, premium_changes
from services.addresses.domain.addressbase.incoming import Op
from services.addresses.domain.addressbase.records import Blpu, BlpuState, Language, LogicalStatus, Lpi, Numbering
from services.addresses.domain.addressbase.single_line import line
from services.addresses.domain.synthetic.generate import Site, generate
from services.addresses.domain.synthetic.quarterly_changes import changed
from services.addresses.gazetteer.files.shipped_sources import Sources
from tests.addresses.address_files import Held, held, read, written

FULL = Supply("TEST", date(2025, 9, 1))
CHANGES = Supply("TEST", date(2025, 12, 1), change_only=True)


def premium_file(groups, supply=FULL) -> str:
    return written(chain.from_iterable(Volumes(groups, supply)))


def core_file(blpus) -> str:
    return written(map(writing_core.row, blpus))


@pytest.fixture(scope="module")
def sites(few_sources: Sources) -> list[Site]:
    return few_sources.sites()


@pytest.fixture(scope="module")
def made(sites) -> list[Blpu]:
    return list(generate(sites, 4, premises=3_000))


@pytest.fixture(scope="module")
def made_premium(made) -> Held:
    return held(premium_file(full_supply(made)))


WELSH = Lpi(
    lpi_key="5360L000000002",
    usrn=20_499_901,
    street="STRYD CWILFFEN",
    language=Language.WELSH,
    logical_status=LogicalStatus.APPROVED,
    sao=Numbering(1, "A", 2, "B"),
    pao=Numbering(6, "", 20, ""),
    pao_text="TY CUDYLL",
    locality="CWILTON",
    town="LLUNDAIN",
    administrative_area="HACKNEY",
    area_name="SHOREDITCH",
    start_date=date(2004, 2, 29),
    last_update=date(2025, 9, 1),
    street_state="5",
    street_classification="10",
)
ENGLISH = replace(WELSH, lpi_key="5360L000000009", language=Language.ENGLISH, street="QUILLFEN STREET", town="LONDON", locality="QUILLTON")
PROVISIONAL = replace(ENGLISH, lpi_key="5360L000000003", logical_status=LogicalStatus.PROVISIONAL, sao_text='THE "NOOK", REAR')
EVERYTHING = Blpu(
    uprn=10_099_900_001,
    easting=533150.51,
    northing=184050.25,
    latitude=51.5394012,
    longitude=-0.0815734,
    borough="E09000012",
    classification="ZW99GU",
    lpis=(ENGLISH, WELSH, PROVISIONAL),
    logical_status=LogicalStatus.HISTORICAL,
    state=BlpuState.NO_LONGER_EXISTING,
    state_date=date(2020, 1, 1),
    parent_uprn=7,
    rpc=9,
    custodian=5360,
    postal_address="L",
    postcode_locator="E8 1AA",
    multi_occupancy=12,
    toid="osgb1000000000999",
    ward="E05009373",
    parish="E04013057",
    organisation="QUILL BAKERS",
    legal_name="QUILL (BAKERS) LTD",
    start_date=date(2001, 5, 4),
    end_date=date(2020, 2, 10),
    last_update=date(2020, 2, 10),
    entry_date=date(2001, 5, 3),
    successors=(77, 10_099_900_009),
    cross_references=(("7666VC", "44699912"), ("7666VN", "1\xe9")),
)
NEARLY_NOTHING = Blpu(
    uprn=1,
    easting=0.0,
    northing=0.0,
    latitude=49.766809,
    longitude=-7.557158,
    borough="E09000012",
    classification="U",
    custodian=5360,
    state=None,
    postal_address="N",
)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_made_up_premises_come_back_from_premium_as_they_were(sites, seed):
    made = list(generate(sites, seed, premises=1_500))
    kinds = Counter(lpi.logical_status for blpu in made for lpi in blpu.lpis)
    assert kinds[LogicalStatus.ALTERNATIVE]
    assert kinds[LogicalStatus.HISTORICAL]
    assert Counter(blpu.delivery_point is None for blpu in made)[True]
    assert list(held(premium_file(full_supply(made))).blpus()) == made


@pytest.mark.parametrize("blpu", [EVERYTHING, NEARLY_NOTHING])
def test_everything_that_a_record_can_hold_comes_back_from_premium(blpu):
    assert list(held(premium_file(full_supply([blpu]))).blpus()) == [blpu]


def test_a_street_is_written_once(made):
    rows = [row for volume in Volumes(full_supply(made), FULL) for row in volume]
    streets = [row[3] for row in rows if row[0] == "11"]
    assert len(streets) == len(set(streets)) == len({lpi.usrn for blpu in made for lpi in blpu.lpis})


def test_volumes_are_bounded_and_follow_each_other(made):
    said = Held()
    volumes = [list(volume) for volume in Volumes(full_supply(made), FULL, most=2_000)]
    assert len(volumes) > 5
    for number, volume in enumerate(volumes, start=1):
        assert 1_950 < len(volume) - 3 <= 2_000 or number == len(volumes)
        assert (volume[0][4], volume[-1][1]) == (str(number), "0" if number == len(volumes) else str(number + 1))
        said.apply(read(written(volume)))
    assert list(said.blpus()) == made


def test_a_supply_without_anything_is_one_volume_without_records():
    (volume,) = [list(volume) for volume in Volumes([], FULL)]
    assert [row[0] for row in volume] == ["10", "29", "99"]


def test_core_keeps_what_it_has_columns_for(made):
    back = {blpu.uprn: blpu for blpu in held(core_file(made)).blpus()}
    assert list(back) == [blpu.uprn for blpu in made]
    for blpu in made:
        found, first = back[blpu.uprn], blpu.lpis[0]
        for name in (
            *("easting", "northing", "latitude", "longitude", "borough", "custodian", "classification", "parent_uprn", "rpc", "toid"),
            *("organisation", "postcode", "postcode_locator", "last_update", "logical_status"),
        ):
            assert getattr(found, name) == getattr(blpu, name)
        (lpi,) = found.lpis
        assert (lpi.usrn, lpi.street, lpi.town, lpi.administrative_area) == (
            *(first.usrn, first.street, first.town, first.administrative_area),
        )
        assert (lpi.sao, lpi.sao_text, lpi.pao, lpi.pao_text) == (first.sao, first.sao_text, first.pao, first.pao_text)
        assert (found.delivery_point is None) == (blpu.delivery_point is None)
        if found.delivery_point and blpu.delivery_point:
            assert (found.delivery_point.udprn, found.delivery_point.post_town, found.delivery_point.delivery_point_suffix) == (
                *(blpu.delivery_point.udprn, blpu.delivery_point.post_town, blpu.delivery_point.delivery_point_suffix),
            )


def test_cores_line_of_an_address_is_how_a_person_would_write_it(made):
    for blpu, row in zip(made, map(writing_core.row, made), strict=True):
        assert row[12] == line(blpu)


def test_a_premium_update_leads_from_one_state_to_the_next(made, made_premium):
    after = list(changed(made, 9, rarity=3))
    update = read(premium_file(premium_changes(made, after), CHANGES))
    assert {each.op for each in update} == set(Op)
    assert len(update) < len(made) * 2
    assert list(Held({key: dict(parts) for key, parts in made_premium.parts.items()}).apply(update).blpus()) == after


def test_a_core_update_leads_from_one_state_to_the_next(made):
    after = list(changed(made, 9, rarity=3))
    update = read(written(core_changes(made, after)), "core")
    assert {each.op for each in update} == set(Op)
    in_use = [blpu for blpu in after if blpu.end_date is None]
    assert list(held(core_file(made)).apply(update).blpus()) == list(held(core_file(in_use)).blpus())


def test_no_difference_is_no_update(made):
    assert list(premium_changes(made, made)) == []
    assert list(core_changes(made, made)) == []


def test_a_street_that_changes_its_name_is_one_row_of_the_update():
    before = [replace(EVERYTHING, lpis=(ENGLISH,)), replace(EVERYTHING, uprn=10_099_900_002, lpis=(ENGLISH,))]
    after = [replace(blpu, lpis=(replace(ENGLISH, street="QUILLFEN ROAD"),)) for blpu in before]
    update = read(premium_file(premium_changes(before, after), CHANGES))
    assert [(each.key, each.part, each.op) for each in update] == [(-20_499_901, "15 ENG", Op.UPDATE)]
    assert list(held(premium_file(full_supply(before))).apply(update).blpus()) == after


def test_records_out_of_order_are_refused(made):
    with pytest.raises(ValueError, match="must be in the order of their UPRNs"):
        list(premium_changes(made, [made[1], made[0]]))


def test_what_happens_to_made_up_premises_is_of_every_kind_and_the_same_each_time(made):
    after = list(changed(made, 9, rarity=3))
    assert after == list(changed(made, 9, rarity=3))
    assert after != list(changed(made, 10, rarity=3))
    uprns = [blpu.uprn for blpu in after]
    assert uprns == sorted(set(uprns))
    old, new = {blpu.uprn: blpu for blpu in made}, {blpu.uprn: blpu for blpu in after}
    came_from = Counter(successor for blpu in after for successor in blpu.successors)
    assert any(len(blpu.successors) == 2 for blpu in after)  # split
    assert any(count == 2 for count in came_from.values())  # merged
    assert any(blpu.end_date and not blpu.successors for blpu in after)  # retired
    assert new.keys() - old.keys() - came_from.keys()  # built
    assert old.keys() - new.keys()  # a mistake
    assert any(old[uprn].organisation != new[uprn].organisation for uprn in old.keys() & new.keys())
    assert any(old[uprn].easting != new[uprn].easting for uprn in old.keys() & new.keys())
    assert all(successor in new and new[successor].end_date is None for successor in came_from)
    assert all(not lpi.end_date or lpi.logical_status is LogicalStatus.HISTORICAL for blpu in after for lpi in blpu.lpis)
