"""Changes between releases, by UPRN: created, changed, merged, split, retired."""

from dataclasses import replace

import pytest

from services.addresses.domain.addressbase.fingerprint import fingerprint
from services.addresses.domain.addressbase.records import Blpu, LogicalStatus
from services.addresses.domain.releases.changes import Change, Happened
from services.addresses.gazetteer.builds.full import build, write_release
from services.addresses.gazetteer.files.shipped_sources import Sources
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.change_sets import change_sets
from services.addresses.gazetteer.releases.diff import differences
from services.addresses.gazetteer.releases.manifest import Recipe

from .import_support import activated, begin, few_postcodes, made_up, retired


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> Sources:
    return few_postcodes(tmp_path_factory.mktemp("few") / "sources", of_each=10)


@pytest.fixture(scope="module")
def blpus(few) -> list[Blpu]:
    """Forty premises in use, none of them divided or a part."""
    in_use = (blpu for blpu in made_up(few, 160) if blpu.logical_status is LogicalStatus.APPROVED)
    return [replace(blpu, parent_uprn=None, classification="RD04") for blpu in in_use][:40]


@pytest.fixture
def reported(few, tmp_path):
    """Return the changes between two sets of records."""

    def told_of(before: list[Blpu], after: list[Blpu]) -> list[Change]:
        folders = []
        for name, records in (("before", before), ("after", after)):
            folders.append(tmp_path / name)
            folders[-1].mkdir()
            build(folders[-1], sorted(records, key=lambda blpu: blpu.uprn), few)
        return list(differences(*folders))

    return told_of


def one(happened: Happened, *uprns: int) -> list[Change]:
    before, after = happened is not Happened.CREATED, happened is not Happened.RETIRED
    return [Change(happened, (uprn,) * before, (uprn,) * after) for uprn in uprns]


def test_equal_records_make_no_change_although_the_files_differ(reported, blpus):
    """A different first record changes the numbers in every dictionary."""
    assert reported(blpus, blpus[1:]) == one(Happened.RETIRED, blpus[0].uprn)


def test_changes_come_in_the_order_of_kinds_and_uprns(reported, blpus):
    moved = replace(blpus[7], easting=blpus[7].easting + 0.01)
    renamed = replace(blpus[5], lpis=(replace(blpus[5].lpis[0], street="OTHER STREET"), *blpus[5].lpis[1:]))
    history = retired(blpus[9])
    after = [*blpus[2:5], renamed, blpus[6], moved, blpus[8], history, *blpus[10:]]
    assert reported(blpus[:-1], after) == [
        *one(Happened.CREATED, blpus[-1].uprn),
        *one(Happened.CHANGED, renamed.uprn, moved.uprn),
        *one(Happened.RETIRED, blpus[0].uprn, blpus[1].uprn, history.uprn),
    ]


def test_a_historical_record_makes_no_change_and_one_back_in_use_does(reported, blpus):
    old = retired(blpus[0])
    assert reported([old, *blpus[2:]], [replace(old, legal_name="X"), retired(blpus[1]), *blpus[2:]]) == []


def test_a_uprn_back_in_use_is_created(reported, blpus):
    assert reported([retired(blpus[0]), *blpus[1:]], blpus) == one(Happened.CREATED, blpus[0].uprn)


def test_successors_merge_and_split(reported, blpus):
    a, b, c, d, e, f, g = (blpu.uprn for blpu in blpus[:7])
    before = [blpus[0], blpus[1], *blpus[3:5], *blpus[7:]]
    after = [retired(blpus[0], c), retired(blpus[1], c), blpus[2], retired(blpus[3], f, g), retired(blpus[4], f), *blpus[5:7], *blpus[7:]]
    assert reported(before, after) == [
        Change(Happened.MERGED, (a, b), (c,)),
        Change(Happened.MERGED, (e,), (f,)),
        Change(Happened.SPLIT, (d,), (f, g)),
    ]


def test_a_merger_into_an_existing_uprn_names_it_before_and_after(reported, blpus):
    a, b = blpus[:2]
    assert reported(blpus, [retired(a, b.uprn), *blpus[1:]]) == [Change(Happened.MERGED, (a.uprn, b.uprn), (b.uprn,))]


def test_a_successor_that_is_not_in_use_does_not_count(reported, blpus):
    assert reported(blpus, [retired(blpus[0], 5), *blpus[1:]]) == one(Happened.RETIRED, blpus[0].uprn)


def test_a_house_that_becomes_a_shell_with_flats_is_split_and_back_again_merged(reported, blpus, tmp_path):
    house, *flats = blpus[:3]
    shell = replace(house, classification="PP")
    parts = [replace(flat, parent_uprn=house.uprn, classification="RD06") for flat in flats]
    divided, whole = [shell, *parts, *blpus[3:]], [house, *blpus[3:]]
    uprns = tuple(flat.uprn for flat in flats)
    assert reported(whole, divided) == [Change(Happened.SPLIT, (house.uprn,), uprns)]
    assert list(differences(tmp_path / "after", tmp_path / "before")) == [Change(Happened.MERGED, uprns, (house.uprn,))]


def test_a_fingerprint_covers_every_field_except_the_uprn(blpus):
    blpu = next(blpu for blpu in blpus if blpu.delivery_point and blpu.lpis)
    assert blpu.delivery_point
    assert fingerprint(replace(blpu, uprn=1)) == fingerprint(blpu)
    others = [
        replace(blpu, easting=blpu.easting + 0.01),
        replace(blpu, rpc=9),
        replace(blpu, successors=(5,)),
        replace(blpu, cross_references=(("7666", "X"),)),
        replace(blpu, end_date=blpu.start_date),
        replace(blpu, lpis=()),
        replace(blpu, lpis=(replace(blpu.lpis[0], pao_text="X"), *blpu.lpis[1:])),
        replace(blpu, delivery_point=replace(blpu.delivery_point, udprn=1)),
    ]
    assert len({fingerprint(each) for each in (blpu, *others)}) == len(others) + 1


def test_the_first_activation_has_no_change_set_and_the_second_has_number_one(tmp_path):
    sources = begin(tmp_path)
    assert change_sets(tmp_path) == []
    recipe = Recipe(sources=sources.hashes(), premises={"another": ""})
    with local.data_dir_lock(tmp_path):
        write_release(tmp_path, recipe, [], sources)
    activated(tmp_path, recipe.release)
    assert change_sets(tmp_path) == []
    first, second = (Recipe(sources=sources.hashes(), premises={name: ""}) for name in ("first", "second"))
    made = made_up(sources, 30)
    for each, count in ((first, 20), (second, 30)):
        with local.data_dir_lock(tmp_path):
            write_release(tmp_path, each, made[:count], sources)
        activated(tmp_path, each.release)
    assert [(each.number, each.before, each.after) for each in change_sets(tmp_path)] == [
        (1, recipe.release, first.release),
        (2, first.release, second.release),
    ]
    assert sum(len(batch) for batch in change_sets(tmp_path)[1].batches()) > 0
