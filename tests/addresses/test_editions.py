"""A supply's own edition reaches the release and the API."""

import shutil
from datetime import date

import pytest

from services.addresses.domain.addressbase.editions import Edition, as_reported, merge_editions, newest
from services.addresses.gazetteer.files.shipped_sources import ATTRIBUTION, SHIPPED_EDITION
from services.addresses.gazetteer.releases.integrity import checked
from services.addresses.gazetteer.releases.manifest import folder_of
from services.addresses.gazetteer.releases.quality_gate import judge, report_folder
from services.addresses.service import build
from services.addresses.settings import Settings

from .conftest import SEED
from .import_support import imported, premium_file, premium_update

HEADER = ["10", "GeoPlace", "9999", "2025-11-06", "1", "2025-11-06", "12:00:00", "2.2", "F"]


@pytest.mark.parametrize(
    ("format_name", "file_name", "first_row", "said"),
    [
        ("premium", "supply.csv", HEADER, ("AddressBase Premium", "2025-11-06", date(2025, 11, 6))),
        ("premium", "AddressBasePremium_FULL_2025-11-13_001.csv", HEADER, ("AddressBase Premium", "2025-11-06", date(2025, 11, 6))),
        ("premium", "AddressBasePremium_Epoch122.zip/1.csv", HEADER, ("AddressBase Premium", "122", date(2025, 11, 6))),
        ("premium", "supply.csv", [*HEADER[:3], "", *HEADER[4:]], ("AddressBase Premium", "", None)),
        ("core", "AddressBaseCore_FULL_2025-11-06_001.csv.gz", ["uprn"], ("AddressBase Core", "2025-11-06", date(2025, 11, 6))),
        ("core", "ours_2025-13-06.csv", ["uprn"], ("AddressBase Core", "", None)),
        ("open-uprn", "osopenuprn_202511_csv.zip/osopenuprn_202511.csv", ["UPRN"], ("OS Open UPRN", "November 2025", None)),
        ("onspd", "ONSPD_NOV_2025_UK.csv", ["pcd7"], ("ONS Postcode Directory", "November 2025", None)),
        ("onspd", "NSPL_FEB_2026_UK.csv", ["pcd7"], ("National Statistics Postcode Lookup", "February 2026", None)),
        ("onspd", "postcodes.csv", ["pcd7"], ("ONS Postcode Directory", "", None)),
        ("code-point", "codepo_gb.zip/Data/CSV/e.csv", ["E1 0AA"], ("Code-Point Open", "", None)),
        ("core", "MADE_UP_AddressBaseCore_FULL_2025-09-01_001.csv", ["1"], ("AddressBase Core, made up", "2025-09-01", date(2025, 9, 1))),
    ],
)
def test_product_edition_and_day_are_what_the_supply_says(format_name, file_name, first_row, said):
    edition = as_reported(format_name, file_name, first_row)
    assert (edition.product, edition.name, edition.day) == said


def test_licensed_data_is_named_as_such_and_made_up_data_as_nobodys():
    licensed = as_reported("premium", "supply.csv", HEADER).attribution
    assert licensed.startswith("AddressBase Premium: © Crown copyright and database rights 2025 Ordnance Survey;")
    assert "Royal Mail copyright and database right 2025." in licensed
    assert "it is not open data" in licensed
    assert "rights Ordnance Survey" in as_reported("core", "supply.csv", []).attribution, "no year is made up"
    assert "right 2026. Source: Office for National Statistics" in as_reported("onspd", "ONSPD_FEB_2026_UK.csv", []).attribution
    assert as_reported("premium", "supply.csv", [HEADER[0], "MADE UP ADDRESSES", *HEADER[2:]]).attribution == ""


def test_of_each_product_the_last_edition_counts():
    first, second = (as_reported("premium", "supply.csv", [*HEADER[:3], day, *HEADER[4:]]) for day in ("2025-11-06", "2025-12-18"))
    positions = as_reported("open-uprn", "osopenuprn_202601.csv", [])
    assert merge_editions([SHIPPED_EDITION, first], [second, positions]) == (SHIPPED_EDITION, second, positions)
    assert newest([first, SHIPPED_EDITION, second], "premises") == second
    assert newest([SHIPPED_EDITION], "premises") is None


def test_a_release_says_what_it_was_made_from_through_updates_and_in_its_report(place, tmp_path):
    made = checked(place.data_dir, place.release)[1]
    premium = Edition(of="premises", product="AddressBase Premium, made up", name="2025-09-01", day=date(2025, 9, 1), attribution="")
    assert made.editions == (SHIPPED_EDITION, premium)
    assert made.attribution == ATTRIBUTION
    update = premium_update(tmp_path / "update.csv", place.blpus, place.blpus[1:])
    update.write_text(update.read_text().replace("MADE UP ADDRESSES", "GeoPlace").replace("2025-09-01", "2025-10-09"))
    changed = imported(place.data_dir, update).release
    manifest = checked(place.data_dir, changed)[1]
    assert [(each.product, each.name) for each in manifest.editions] == [
        ("Code-Point Open", "2025.2"),
        ("AddressBase Premium, made up", "2025-09-01"),
        ("AddressBase Premium", "2025-10-09"),
    ]
    assert "AddressBase Premium: © Crown copyright" in manifest.attribution
    assert manifest.attribution.startswith(ATTRIBUTION)
    judge(place.data_dir, changed)
    report = (report_folder(place.data_dir, changed) / "report.html").read_text()
    assert "AddressBase Premium (2025-10-09)" in report
    assert "it is not open data" in report


async def test_the_header_of_os_places_tells_the_supplys_edition_and_day(place, serve, settings, reader):
    config = settings(Settings, data_dir=place.data_dir, premises_seed=SEED)
    async with serve(build(config)) as running:
        reply = await running.http.get(f"/search/places/v1/uprn?uprn={place.blpus[0].uprn}", headers=reader)
    header = reply.json()["header"]
    assert (header["epoch"], header["lastupdate"]) == ("2025-09-01", "2025-09-01")


def test_a_manifest_of_before_is_read(place):
    folder = folder_of(place.data_dir, place.release)
    said = (folder / "manifest.json").read_text()
    before = said[: said.index(',\n  "editions"')] + "\n}\n"
    (folder / "manifest.json").write_text(before)
    shutil.rmtree(place.data_dir / "checked")
    assert checked(place.data_dir, place.release)[1].editions == ()


def test_a_full_supply_takes_the_place_of_what_was_before(place, tmp_path):
    next_supply = premium_file(tmp_path / "next.csv", place.blpus[:390])
    next_supply.write_text(next_supply.read_text().replace("MADE UP ADDRESSES", "GeoPlace"))
    made = imported(place.data_dir, next_supply).release
    editions = checked(place.data_dir, made)[1].editions
    assert [each.product for each in editions] == ["Code-Point Open", "AddressBase Premium"]
