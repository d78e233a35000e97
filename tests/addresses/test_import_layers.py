"""Updates are layers over an earlier stage, until a full build compacts them; a release can be rebuilt from its layers."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from services.addresses.domain.addressbase.records import Blpu
from services.addresses.gazetteer.builds import incremental as merging
from services.addresses.gazetteer.imports.rebuild import rebuild
from services.addresses.gazetteer.releases import integrity as checking
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.integrity import checked
from services.addresses.gazetteer.releases.manifest import folder_of
from services.addresses.gazetteer.releases.stage_layers import Layers, assembled_in, layers_in
from services.addresses.gazetteer.releases.stages import kept_with

from .import_support import Place, activated, held, imported, premium_update


def updated(place: Place, file: Path, before: Sequence[Blpu], after: Sequence[Blpu]) -> str:
    """Import the difference, activate the release and return its id."""
    made = imported(place.data_dir, premium_update(file, before, after))
    activated(place.data_dir, made.release)
    return made.release


def layers_of(place: Place, release_id: str) -> list[Path]:
    return layers_in(kept_with(place.data_dir, release_id))


def with_rows(file: Path, wanted: Callable[[list[str]], bool]) -> Path:
    """Write the file without the unwanted rows, with a trailer that counts the remaining ones."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.reader(lines) if row[0] in {"10", "29", "99"} or wanted(row)]
    rows[-1][2] = str(sum(row[0] not in {"10", "29", "99"} for row in rows))
    with file.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines).writerows(rows)
    return file


def test_each_update_is_a_layer_that_holds_what_it_changed(place, tmp_path):
    blpus, last = place.blpus, place.release
    states = [blpus, blpus[2:], [replace(blpus[2], organisation="QUILL"), *blpus[3:]], blpus[1:]]
    for number in (1, 2, 3):
        made = updated(place, tmp_path / f"{number}.csv", states[number - 1], states[number])
        paths = layers_of(place, made)
        assert [path.name for path in paths] == ["stage.sqlite3", *(f"changes_{at:04d}.sqlite3" for at in range(1, number + 1))]
        assert all(path.samefile(other) for path, other in zip(paths, layers_of(place, last), strict=False))
        assert paths[-1].stat().st_size < paths[0].stat().st_size / 4
        assert held(place.data_dir) == states[number]
        with Layers(paths) as layers:
            assert [uprn for uprn, _ in layers.premises()] == [blpu.uprn for blpu in states[number]]
            assert layers.count() == len(states[number])
            assert layers.parts(blpus[0].uprn) == {}
        last = made


def test_a_full_build_compacts_the_layers_into_one(place, tmp_path, monkeypatch):
    monkeypatch.setattr(merging, "MOST_LAYERS", 2)
    states = [place.blpus, place.blpus[2:], place.blpus[4:], place.blpus[3:]]
    folded = []
    for number in (1, 2, 3):
        made = updated(place, tmp_path / f"{number}.csv", states[number - 1], states[number])
        folded.append(len(layers_of(place, made)) == 1)
        assert held(place.data_dir) == states[number]
    assert folded == [False, True, False]


def test_a_damaged_release_is_built_again_from_its_layers_and_an_update_can_follow(place, tmp_path):
    states = [place.blpus, place.blpus[2:], place.blpus[4:]]
    made = updated(place, tmp_path / "1.csv", states[0], states[1])
    (folder_of(place.data_dir, made) / "uprns.npy").unlink()
    assert rebuild(place.data_dir)
    assert local.current(place.data_dir)[1].release == made
    assert held(place.data_dir) == states[1]
    next_made = updated(place, tmp_path / "2.csv", states[1], states[2])
    assert held(place.data_dir) == states[2]
    assert len(layers_of(place, next_made)) == 3


@pytest.mark.parametrize("which", [0, -1])
def test_a_street_that_is_renamed_renames_every_address_on_it(place, tmp_path, which):
    """Also where it is the street of another LPI than the first."""
    several = [blpu for blpu in place.blpus if len({lpi.usrn for lpi in blpu.lpis}) > 1]
    usrn = several[0].lpis[which].usrn
    after = [
        replace(blpu, lpis=tuple(replace(lpi, street="OTHER STREET" if lpi.usrn == usrn else lpi.street) for lpi in blpu.lpis))
        for blpu in place.blpus
    ]
    update = with_rows(premium_update(tmp_path / "street.csv", place.blpus, after), lambda row: row[0] in {"11", "15"})
    made = imported(place.data_dir, update)
    assert held(place.data_dir, made.release) == after != place.blpus


def test_premises_whose_street_has_no_name_come_when_it_gets_one(place, tmp_path):
    new_street, new_uprn = 20_499_999, place.blpus[-1].uprn + 1
    lpi = replace(place.blpus[-1].lpis[0], usrn=new_street, street="NEW STREET", lpi_key="5210L123456789")
    new = replace(place.blpus[-1], uprn=new_uprn, lpis=(lpi,), delivery_point=None)
    both = [*place.blpus, new]
    incomplete = with_rows(premium_update(tmp_path / "1.csv", place.blpus, both), lambda row: row[0] not in {"11", "15"})
    made = imported(place.data_dir, incomplete, most_bad_rows=1.0)
    assert made.incomplete == 1
    activated(place.data_dir, made.release)
    noted = assembled_in(kept_with(place.data_dir, made.release))
    assert noted
    assert noted.incomplete == {new_uprn}
    assert held(place.data_dir) == place.blpus
    street = with_rows(premium_update(tmp_path / "2.csv", place.blpus, both), lambda row: row[0] in {"11", "15"})
    made = imported(place.data_dir, street)
    assert made.incomplete == 0
    assert held(place.data_dir, made.release) == both


def test_a_large_release_whose_files_another_shares_is_not_hashed_again(place, tmp_path, monkeypatch, hashed):
    monkeypatch.setattr(checking, "ALWAYS_HASHED", 0)
    local.current(place.data_dir)
    hashed.clear()
    made = updated(place, tmp_path / "1.csv", place.blpus, place.blpus[2:])
    assert "records" in hashed
    assert "postcodes.sqlite3" not in hashed
    hashed.clear()
    checked(place.data_dir, place.release)
    checked(place.data_dir, made)
    assert hashed == []
