"""Imports of address files: an activated release holds what the files say, and an import activates nothing by itself."""

import csv
import gzip
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from services.addresses.domain.addressbase.incoming import WrongFileError
from services.addresses.domain.addressbase.records import Blpu
from services.addresses.domain.releases.changes import Change, Happened
from services.addresses.domain.synthetic.quarterly_changes import changed
from services.addresses.gazetteer.imports.job import ImportRefusedError
from services.addresses.gazetteer.imports.run import live_already
from services.addresses.gazetteer.imports.source_files import gather
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.change_sets import change_sets
from services.addresses.gazetteer.releases.local import current
from services.addresses.gazetteer.releases.manifest import folder_of

from .import_support import Place, activated, begin, core_file, held, imported, premium_file, premium_update, retired


def test_a_full_supply_is_held_as_the_file_says(full_supply):
    assert held(full_supply.data_dir) == full_supply.blpus
    assert list(current(full_supply.data_dir)[1].recipe.premises) == ["0001 full.csv"]


def test_a_change_only_update_leaves_what_its_rows_say_and_a_change_set(place, tmp_path):
    before = place.blpus
    gone, successor, renamed, deleted = before[0], before[1], before[5], before[6]
    after = [retired(gone, successor.uprn), *before[1:5], replace(renamed, organisation="QUILL AND SONS"), *before[7:]]
    made = imported(place.data_dir, premium_update(tmp_path / "update.csv", before, after))
    assert (made.supply, made.bad_rows, made.incomplete, made.unheld) == ("update", 0, 0, 0)
    assert local.live(place.data_dir) == place.release
    activated(place.data_dir, made.release)
    assert held(place.data_dir) == after
    last = change_sets(place.data_dir)[-1]
    assert (last.before, last.after) == (place.release, made.release)
    assert [change for batch in last.batches() for change in batch] == [
        Change(Happened.CHANGED, (renamed.uprn,), (renamed.uprn,)),
        Change(Happened.MERGED, (gone.uprn, successor.uprn), (successor.uprn,)),
        Change(Happened.RETIRED, (deleted.uprn,), ()),
    ]


def test_an_update_can_follow_an_update(place, tmp_path):
    states = [place.blpus, place.blpus[3:], [place.blpus[0], *place.blpus[10:]]]
    for number in (1, 2):
        made = imported(place.data_dir, premium_update(tmp_path / f"{number}.csv", states[number - 1], states[number]))
        activated(place.data_dir, made.release)
        assert held(place.data_dir) == states[number]
    with pytest.raises(WrongFileError, match=r"1\.csv has been applied"):
        imported(place.data_dir, tmp_path / "1.csv")


def rows_of(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines))


def write_rows(file: Path, rows: list[list[str]]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows(rows)
    return file


def two_updates(place: Place, file: Path, *, first: int, second: int) -> Path:
    """An update that changes the organisation of the first record twice, with these places in the order."""
    blpu = place.blpus[0]
    versions = [replace(blpu, organisation=name) for name in ("EARLIER", "LATER")]
    rows = rows_of(premium_update(file, [blpu], [versions[0]]))
    other = rows_of(premium_update(file, [blpu], [versions[1]]))
    one, two = (next(row for row in each if row[0] == "31") for each in (rows, other))
    one[2], two[2] = str(first), str(second)
    two[4] = one[4]
    at = rows.index(one)
    rows[at : at + 1] = [one, two]
    rows[-1][2] = str(int(rows[-1][2]) + 1)
    return write_rows(file, rows)


@pytest.mark.parametrize(("first", "second", "holds"), [(1, 2, "LATER"), (2, 1, "EARLIER")])
def test_rows_of_a_file_apply_in_the_order_of_their_third_column(place, tmp_path, first, second, holds):
    made = imported(place.data_dir, two_updates(place, tmp_path / "twice.csv", first=first, second=second))
    assert held(place.data_dir, made.release)[0].organisation == holds


def test_files_apply_in_the_order_of_the_numbers_in_their_names(place, tmp_path):
    named = [place.blpus, *([replace(place.blpus[0], organisation=name), *place.blpus[1:]] for name in ("SECOND", "TENTH"))]
    files = [premium_update(tmp_path / f"cou-{number}.csv", named[0], named[at]) for at, number in ((1, 2), (2, 10))]
    made = imported(place.data_dir, *reversed(files))
    assert made.files == ("cou-2.csv", "cou-10.csv")
    assert held(place.data_dir, made.release)[0].organisation == "TENTH"


def test_positions_move_what_is_held_and_nothing_else(place, tmp_path):
    moved = place.blpus[7]
    header = ["UPRN", "X_COORDINATE", "Y_COORDINATE", "LATITUDE", "LONGITUDE"]
    rows = [[str(uprn), "530000.50", "180000.25", "51.5", "-0.1275"] for uprn in (moved.uprn, 100)]
    made = imported(place.data_dir, write_rows(tmp_path / "open.csv", [header, *rows]))
    found = {blpu.uprn: blpu for blpu in held(place.data_dir, made.release)}
    assert (found[moved.uprn].easting, found[moved.uprn].northing) == (530_000.5, 180_000.25)
    assert found.keys() == {blpu.uprn for blpu in place.blpus}
    assert made.premises == len(place.blpus)


def test_an_update_of_what_was_not_imported_asks_for_a_full_supply(tmp_path):
    begin(tmp_path)
    blpus = [*held(tmp_path)]
    assert not blpus
    update = write_rows(tmp_path / "open.csv", [["1", "530000", "180000", "51.5", "-0.1275"]])
    with pytest.raises(ImportRefusedError, match="full supply"):
        imported(tmp_path, update)


def test_the_same_rows_make_the_same_release_however_they_are_packed(place, tmp_path):
    plain = core_file(tmp_path / "core.csv", place.blpus)
    packed, member = tmp_path / "core.csv.gz", tmp_path / "core.zip"
    with gzip.open(packed, "wb") as file:
        file.write(plain.read_bytes())
    with zipfile.ZipFile(member, "w") as archive:
        archive.write(plain, "data/core.csv")
        archive.writestr("data/readme.pdf", "not a table")
    made = [imported(place.data_dir, each) for each in (plain, packed)]
    assert made[0] == made[1]
    assert imported(place.data_dir, member).job == made[0].job
    assert made[0].format == "core"
    assert made[0].premises == sum(blpu.end_date is None for blpu in place.blpus)


def test_a_live_file_is_neither_imported_again_nor_mixed_with_others(place, tmp_path):
    live = live_already(place.data_dir, gather([place.file]))
    assert live is not None
    assert live.release == place.release
    other = core_file(tmp_path / "core.csv", place.blpus)
    assert live_already(place.data_dir, gather([other])) is None
    with pytest.raises(WrongFileError, match=r"full\.csv is already part of the release that is live"):
        imported(place.data_dir, place.file, other)


def test_a_full_supply_takes_the_place_of_a_damaged_release(place, tmp_path):
    (folder_of(place.data_dir, place.release) / "uprns.npy").unlink()
    made = imported(place.data_dir, premium_file(tmp_path / "next.csv", place.blpus[:50]))
    activated(place.data_dir, made.release)
    assert held(place.data_dir) == place.blpus[:50]


def test_three_releases_are_kept_and_what_they_were_made_from(place, tmp_path):
    made = [place.release]
    for count in (300, 200, 100):
        made.append(imported(place.data_dir, premium_file(tmp_path / f"{count}.csv", place.blpus[:count])).release)
        activated(place.data_dir, made[-1])
    assert {manifest.release for manifest in local.releases(place.data_dir)} == set(made[1:])
    assert {folder.name for folder in (place.data_dir / "stages").iterdir()} == set(made[1:])
    with local.data_dir_lock(place.data_dir):
        assert local.rollback(place.data_dir).release == made[2]
    assert {manifest.release for manifest in local.releases(place.data_dir)} == set(made[1:])
    back = change_sets(place.data_dir)[-1]
    assert (back.before, back.after) == (made[3], made[2])
    assert [change.happened for batch in back.batches() for change in batch] == [Happened.CREATED] * 100


def test_a_quarter_of_new_split_merged_and_retired_premises_makes_those_changes(place, tmp_path):
    after = list(changed(place.blpus, 4, rarity=1))
    made = imported(place.data_dir, premium_update(tmp_path / "quarter.csv", place.blpus, after))
    activated(place.data_dir, made.release)
    assert held(place.data_dir) == after
    reported = {happened: set[int]() for happened in Happened}
    for batch in change_sets(place.data_dir)[-1].batches():
        for change in batch:
            reported[change.happened] |= {*change.before, *change.after}
    assert all(reported.values())
    both = dict[int, list[Blpu | None]]()
    for at, blpus in enumerate((place.blpus, after)):
        for blpu in blpus:
            both.setdefault(blpu.uprn, [None, None])[at] = blpu
    differs = {uprn for uprn, (old, new) in both.items() if old != new}
    assert set().union(*reported.values()) >= differs
    assert set().union(*reported.values()) - differs <= {uprn for blpu in after for uprn in blpu.successors}
