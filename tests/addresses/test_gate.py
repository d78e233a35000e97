"""The quality gate: an unfit release does not go live, the live one stays, and the report gives the reason."""

from dataclasses import replace

import pytest

from services.addresses.domain.addressbase.records import LogicalStatus, Lpi, Numbering
from services.addresses.domain.releases.quality import CheckName, Compared, Facts, check
from services.addresses.gazetteer.releases import local
from services.addresses.gazetteer.releases.quality_gate import judge, report_folder
from services.addresses.gazetteer.serving.activate import go_back, go_live

from .import_support import CAMDEN, HACKNEY, Place, core_file, held, imported, premium_file

BRENT = "E09000005"
FINE = Facts(
    premises=1_000, by_borough={CAMDEN: 600, HACKNEY: 400}, misplaced=1, addressed=900, duplicates=18, no_postcode=100, unknown_postcode=10,
    children=1_000, orphans=1,
)  # fmt: skip
BEFORE = Compared(premises=1_000, by_borough={CAMDEN: 600, HACKNEY: 400}, retired=50)


def failed(facts: Facts, compared: Compared | None = BEFORE) -> list[CheckName]:
    return [each.name for each in check(facts, compared) if not each.passed]


def test_at_its_limits_a_release_passes_every_check():
    assert failed(FINE) == []
    assert {each.name for each in check(FINE, BEFORE)} == set(CheckName)


@pytest.mark.parametrize(
    ("facts", "compared", "names"),
    [
        (replace(FINE, premises=0, by_borough={}), None, [CheckName.PREMISES]),
        (replace(FINE, by_borough={CAMDEN: 600, HACKNEY: 379}), BEFORE, [CheckName.BOROUGH_LOSS]),
        (replace(FINE, by_borough={CAMDEN: 1_000}), BEFORE, [CheckName.BOROUGH_LOSS]),
        (FINE, replace(BEFORE, by_borough={CAMDEN: 600, HACKNEY: 400, BRENT: 10}), []),
        (FINE, replace(BEFORE, by_borough={CAMDEN: 600, HACKNEY: 400, BRENT: 11}), [CheckName.BOROUGH_LOSS]),
        (FINE, replace(BEFORE, retired=51), [CheckName.RETIRED]),
        (replace(FINE, premises=1_101), BEFORE, [CheckName.GROWTH]),
        (replace(FINE, misplaced=2), BEFORE, [CheckName.COORDINATES]),
        (replace(FINE, duplicates=19), BEFORE, [CheckName.DUPLICATES]),
        (replace(FINE, no_postcode=101), BEFORE, [CheckName.NO_POSTCODE]),
        (replace(FINE, unknown_postcode=11), BEFORE, [CheckName.UNKNOWN_POSTCODE]),
        (replace(FINE, orphans=2), BEFORE, [CheckName.ORPHANS]),
    ],
)
def test_beyond_a_limit_that_check_fails_and_no_other(facts, compared, names):
    assert failed(facts, compared) == names


def test_without_a_release_to_compare_with_only_the_release_itself_is_checked():
    assert {CheckName.GROWTH, CheckName.RETIRED, CheckName.BOROUGH_LOSS}.isdisjoint(each.name for each in check(FINE, None))


def test_a_supply_that_lost_a_borough_does_not_go_live_until_it_is_accepted(place, tmp_path):
    made = imported(place.data_dir, premium_file(tmp_path / "one.csv", [blpu for blpu in place.blpus if blpu.borough == CAMDEN]))
    gate_result = go_live(place.data_dir, made.release)
    assert not gate_result.passed
    names = {each.name for each in gate_result.checks if not each.passed}
    assert names == {CheckName.BOROUGH_LOSS, CheckName.RETIRED}
    assert held(place.data_dir) == place.blpus
    report = (report_folder(place.data_dir, made.release) / "report.html").read_text(encoding="utf-8")
    assert report_folder(place.data_dir, made.release).name == made.job
    assert "This release does not go live" in report
    assert "borough-loss: 100.00%, at most 5.00% allowed" in report
    assert '<td class="number">-100.0%</td>' in report
    assert not go_live(place.data_dir, made.release, [CheckName.RETIRED]).passed
    assert local.live(place.data_dir) == place.release
    assert go_live(place.data_dir, made.release, list(names)).passed
    assert local.live(place.data_dir) == made.release
    assert go_back(place.data_dir).release == place.release
    assert held(place.data_dir) == place.blpus


def values(place: Place, release_id: str) -> dict[CheckName, str]:
    return {each.name: each.about for each in judge(place.data_dir, release_id).checks}


def test_each_check_counts_its_faults(place, tmp_path):
    """Two with another's address (one is historical and does not count), one in Kent, one without postcode, one whose postcode nobody
    knows, two parts of what is not held."""
    in_use = [blpu for blpu in place.blpus if blpu.end_date is None and blpu.delivery_point and not blpu.classification.startswith("P")]
    first, second, third, kent, bare, unknown, part, part_too = in_use[:8]
    twin = replace(first, uprn=second.uprn)
    old_twin = replace(first, uprn=third.uprn, logical_status=LogicalStatus.HISTORICAL)
    lpi = Lpi("5210L000000001", bare.lpis[0].usrn, bare.lpis[0].street, pao=Numbering(77_777))
    assert unknown.delivery_point
    strange = replace(unknown, delivery_point=replace(unknown.delivery_point, postcode="E8 9ZZ"), postcode_locator="E8 9ZZ")
    others = {
        second.uprn: twin,
        third.uprn: old_twin,
        kent.uprn: replace(kent, easting=600_000.0, northing=150_000.0),
        bare.uprn: replace(bare, delivery_point=None, postcode_locator="", lpis=(replace(lpi, lpi_key=bare.lpis[0].lpi_key),)),
        unknown.uprn: strange,
        part.uprn: replace(part, parent_uprn=1),
        part_too.uprn: replace(part_too, parent_uprn=999_999_999_999),
    }
    made = imported(place.data_dir, premium_file(tmp_path / "wrong.csv", [others.get(blpu.uprn, blpu) for blpu in place.blpus]))
    said = values(place, made.release)
    counted = {name: int(about.partition(" ")[0]) for name, about in said.items() if " of " in about}
    assert counted == {
        CheckName.RETIRED: 1, CheckName.COORDINATES: 1, CheckName.DUPLICATES: 1, CheckName.NO_POSTCODE: 1, CheckName.UNKNOWN_POSTCODE: 1,
        CheckName.ORPHANS: 2,
    }  # fmt: skip


def test_a_first_import_is_not_compared_with_made_up_premises(place, tmp_path):
    made = imported(place.data_dir, core_file(tmp_path / "core.csv", place.blpus))
    compared = judge(place.data_dir, made.release)
    assert compared.before == place.release
    assert all(borough.before for borough in compared.boroughs)
    (place.data_dir / "current").unlink()
    unmeasured = judge(place.data_dir, made.release)
    assert unmeasured.before == ""
    assert all(borough.before is None for borough in unmeasured.boroughs)
